// The images' health check: exit 0 when the process on PORT is live. Liveness, not readiness, because an
// orchestrator may kill what is unhealthy, and no process gets better by that when its database is down.
const url = `http://127.0.0.1:${process.env.PORT ?? 4000}/health/live`
try {
  const { status } = await fetch(url, { signal: AbortSignal.timeout(3000) })
  process.exit(status === 200 ? 0 : 1)
} catch (error) {
  console.error(`${url}: ${error.cause?.code ?? error.name}`)
  process.exit(1)
}

const PASSWORD = 'correct horse battery staple'

/** POSTs JSON to a RealChat server and answers what it answers; an error carries the HTTP status. */
export async function post(url, path, body, accessToken) {
  const headers = { 'content-type': 'application/json' }
  if (accessToken) headers.authorization = `Bearer ${accessToken}`
  const answer = await fetch(`${url}/api/v1${path}`, { method: 'POST', headers, body: JSON.stringify(body) })
  if (answer.ok) return answer.json()
  throw Object.assign(new Error(`${path}: ${answer.status} ${await answer.text()}`), {
    status: answer.status,
  })
}

/** Registers a user, or signs in who was registered by an earlier run. */
export async function signIn(url, username) {
  try {
    return await post(url, '/auth/register', { username, password: PASSWORD })
  } catch (error) {
    if (error.status !== 409) throw error
    return post(url, '/auth/login', { identifier: username, password: PASSWORD })
  }
}

import { describe, expect, it } from '@jest/globals'
import { ours, readCompose, readProject } from './compose.ts'
import { configVariables } from './config-variables.ts'

const production = readCompose('docker-compose.yml')
const development = readCompose('docker-compose.dev.yml')

describe.each([
  ['docker-compose.yml', production],
  ['docker-compose.dev.yml', development],
])('%s', (_path, file) => {
  it('pins every image', () => {
    for (const [name, { image, build }] of Object.entries(file.services)) {
      if (!build) expect([name, image]).toEqual([name, expect.stringMatching(/:v?\d+\.\d+\.\d+|:\d+\.\d+-/)])
    }
  })

  it('waits for a health check wherever it waits for health', () => {
    for (const { depends_on } of Object.values(file.services)) {
      for (const [name, { condition }] of Object.entries(depends_on)) {
        const target = file.services[name]
        if (condition === 'service_healthy') expect(target?.build ?? target?.healthcheck?.test).toBeDefined()
      }
    }
  })

  it('migrates before anything of ours runs', () => {
    for (const [name, service] of ours(file)) {
      if (name === 'migrate') continue
      expect(service.depends_on['migrate']).toEqual({ condition: 'service_completed_successfully' })
    }
  })

  it('sets no variable that the configuration does not read', () => {
    const known = configVariables()
    for (const [, { environment }] of ours(file)) {
      expect(Object.keys(environment).filter((name) => !known.has(name))).toEqual([])
    }
  })

  it('keeps the data of every store in a declared volume', () => {
    for (const name of ['postgres', 'cassandra', 'redis', 'rabbitmq']) {
      expect(file.services[name]?.volumes.map((volume) => volume.split(':')[0])).toContain(name)
      expect(file.volumes).toHaveProperty(name)
      expect(file.services[name]?.healthcheck?.test).toBeDefined()
    }
  })
})

describe('docker-compose.yml in particular', () => {
  it('publishes nginx and nothing else', () => {
    const published = Object.entries(production.services).filter(([, { ports }]) => ports.length > 0)
    expect(published.map(([name, { ports }]) => [name, ports])).toEqual([
      ['nginx', [expect.stringContaining(':4000')]],
    ])
  })

  it('limits what every service takes', () => {
    const unlimited = Object.entries(production.services).filter(([, { deploy }]) => !deploy)
    expect(unlimited.map(([name]) => name)).toEqual([])
  })

  it('has the stores on a network without a way out', () => {
    expect(production.networks['stores']?.internal).toBe(true)
    for (const name of ['postgres', 'cassandra', 'redis', 'rabbitmq']) {
      expect(production.services[name]?.networks).toEqual(['stores'])
    }
  })

  it('holds no secret, and does not start without one', () => {
    const source = readProject('docker-compose.yml')
    for (const name of ['SECRET_KEY', 'POSTGRES_PASSWORD', 'REDIS_PASSWORD', 'RABBITMQ_PASSWORD']) {
      expect(source).toContain(`\${${name}:?`)
      expect(source).not.toContain(`\${${name}:-`)
    }
  })

  it('names every variable of its own in docs/operations.md or docs/configuration.md', () => {
    const documents = readProject('docs/operations.md') + readProject('docs/configuration.md')
    const used = [...readProject('docker-compose.yml').matchAll(/\$\{([A-Z_]+)/g)].map(([, name]) => name)
    expect(used.filter((name) => !documents.includes(`\`${name}\``))).toEqual([])
  })

  it('lets nginx ask Docker again for replicas, and upgrade sockets', () => {
    const nginx = readProject('scripts/nginx/nginx.conf')
    expect(nginx).toMatch(/resolver 127\.0\.0\.11 valid=/)
    expect(nginx).toMatch(/set \$app http:\/\/app:4000;/)
    expect(nginx).toContain('proxy_set_header Upgrade $http_upgrade;')
    expect(nginx).not.toMatch(/\$(request|request_uri|args|query_string)\b/)
  })
})

describe('docker-compose.dev.yml in particular', () => {
  it('offers the tools, to this machine alone', () => {
    const ports = Object.values(development.services).flatMap((service) => service.ports)
    for (const port of [4000, 5050, 8081, 15672, 8025, 9229, 9230]) {
      expect(ports).toContainEqual(expect.stringContaining(`:${port}:`))
    }
    expect(ports.filter((port) => !port.startsWith('127.0.0.1:'))).toEqual([])
  })

  it('mounts the sources and watches them', () => {
    for (const name of ['app', 'notifier']) {
      expect(development.services[name]?.volumes).toContain('.:/app')
      expect(development.services[name]?.command).toContain('--watch')
    }
  })
})

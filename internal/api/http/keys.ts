import { z } from 'zod'
import type { KeyRing } from '../../service/auth/key-ring.ts'
import { answer, type Route, route } from './route.ts'

/** The public keys that access tokens are signed with (RFC 7517). */
export function keyRoutes(keys: KeyRing): Route[] {
  return [
    route({
      method: 'get',
      path: '/.well-known/jwks.json',
      root: true,
      summary: 'The public keys of access tokens',
      tag: 'keys',
      scope: 'open',
      responses: {
        200: z.object({
          keys: z.array(
            z.object({
              kty: z.literal('OKP'),
              crv: z.literal('Ed25519'),
              x: z.string(),
              kid: z.string(),
              use: z.literal('sig'),
              alg: z.literal('EdDSA'),
            }),
          ),
        }),
      },
      handle: async () => answer(200, await keys.jwks()),
    }),
  ]
}

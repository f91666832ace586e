import type { IncomingMessage } from 'node:http'
import { BlockList, isIP } from 'node:net'

/** Tells whether an address belongs to a proxy whose X-Forwarded-For is believed. */
export type TrustProxy = (address: string) => boolean

/**
 * @param proxies addresses or CIDR ranges, IPv4 or IPv6.
 * @throws Error naming the entry that is neither.
 */
export function trustProxies(proxies: readonly string[]): TrustProxy {
  const list = new BlockList()
  for (const proxy of proxies) {
    const [address = '', prefix] = proxy.split('/')
    const family = isIP(address)
    if (family === 0 || (prefix !== undefined && !/^\d{1,3}$/.test(prefix))) {
      throw new Error(`TRUSTED_PROXIES: ${proxy} is neither an address nor a range`)
    }
    const type = family === 6 ? 'ipv6' : 'ipv4'
    if (prefix === undefined) list.addAddress(address, type)
    else list.addSubnet(address, Number(prefix), type)
  }
  return (address) => {
    const plain = plainAddress(address)
    const family = isIP(plain)
    return family !== 0 && list.check(plain, family === 6 ? 'ipv6' : 'ipv4')
  }
}

/** The client's address: the last one in X-Forwarded-For that is not itself a trusted proxy's. */
export function clientAddress(request: IncomingMessage, trust: TrustProxy): string {
  let address = plainAddress(request.socket.remoteAddress ?? '')
  const forwarded = String(request.headers['x-forwarded-for'] ?? '').split(',')
  while (trust(address) && forwarded.length > 0) {
    const before = plainAddress(forwarded.pop()?.trim() ?? '')
    if (isIP(before) === 0) break
    address = before
  }
  return address
}

/** An IPv4 address without the IPv6 form that dual-stack sockets give it. */
function plainAddress(address: string): string {
  return address.startsWith('::ffff:') && address.includes('.') ? address.slice(7) : address
}

/** What rate limits count by: an IPv4 address, or the /64 network that one IPv6 subscriber owns. */
export function addressKey(address: string): string {
  if (isIP(address) !== 6) return address
  const [head = '', tail = ''] = address.split('::')
  const left = head === '' ? [] : head.split(':')
  const right = tail === '' ? [] : tail.split(':')
  const zeros = address.includes('::')
    ? Array<string>(Math.max(0, 8 - left.length - right.length)).fill('0')
    : []
  const groups = [...left, ...zeros, ...right]
  return `${groups
    .slice(0, 4)
    .map((group) => Number.parseInt(group, 16).toString(16))
    .join(':')}::/64`
}

import { IncomingMessage } from 'node:http'
import { Socket } from 'node:net'
import { describe, expect, it } from '@jest/globals'
import { addressKey, clientAddress, trustProxies } from './client-address.ts'

function from(remoteAddress: string, forwarded?: string): IncomingMessage {
  const socket = new Socket()
  Object.defineProperty(socket, 'remoteAddress', { value: remoteAddress })
  const request = new IncomingMessage(socket)
  if (forwarded !== undefined) request.headers['x-forwarded-for'] = forwarded
  return request
}

describe('clientAddress', () => {
  const trust = trustProxies(['10.0.0.0/8', '::1'])

  it.each([
    ['a stranger cannot forge', '203.0.113.1', '1.2.3.4', '203.0.113.1'],
    ['one proxy', '10.0.0.1', '1.2.3.4', '1.2.3.4'],
    ['one proxy over a dual-stack socket', '::ffff:10.0.0.1', '1.2.3.4', '1.2.3.4'],
    ['two proxies', '10.0.0.1', '1.2.3.4, 10.9.9.9', '1.2.3.4'],
    ['a forged first hop', '10.0.0.1', '6.6.6.6, 1.2.3.4', '1.2.3.4'],
    ['rubbish', '10.0.0.1', 'x".;--', '10.0.0.1'],
    ['nothing forwarded', '10.0.0.1', undefined, '10.0.0.1'],
    ['IPv6', '::1', '2001:db8::5', '2001:db8::5'],
  ])('%s', (_what, remote, forwarded, expected) => {
    expect(clientAddress(from(remote, forwarded), trust)).toBe(expected)
  })

  it('refuses a list it cannot read', () => {
    expect(() => trustProxies(['proxy.local'])).toThrow('TRUSTED_PROXIES: proxy.local')
    expect(() => trustProxies(['10.0.0.0/x'])).toThrow('10.0.0.0/x')
  })
})

describe('addressKey', () => {
  it('counts an IPv6 network as one, an IPv4 address by itself', () => {
    expect(addressKey('203.0.113.9')).toBe('203.0.113.9')
    expect(addressKey('2001:db8:1:2:3:4:5:6')).toBe('2001:db8:1:2::/64')
    expect(addressKey('2001:0db8:1:2::6')).toBe('2001:db8:1:2::/64')
    expect(addressKey('2001:db8::1')).toBe('2001:db8:0:0::/64')
  })
})

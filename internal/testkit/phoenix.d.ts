/** The part of the npm client `phoenix` (1.8) that tests use; it brings no types. */
declare module 'phoenix' {
  export class Push {
    receive(status: string, callback: (response: unknown) => void): this
  }
  export class Channel {
    state: 'closed' | 'errored' | 'joined' | 'joining' | 'leaving'
    join(timeoutMs?: number): Push
    leave(timeoutMs?: number): Push
    push(event: string, payload: object, timeoutMs?: number): Push
    on(event: string, callback: (payload: unknown) => void): number
  }
  export class Socket {
    constructor(url: string, options?: object)
    connect(): void
    disconnect(callback?: () => void): void
    isConnected(): boolean
    channel(topic: string, parameters?: object | (() => object)): Channel
    onMessage(callback: (message: { topic: string; event: string; payload: unknown }) => void): string
  }
  export class Presence {
    constructor(channel: Channel)
    onSync(callback: () => void): void
    list<Listed>(chooser: (id: string) => Listed): Listed[]
  }
}

/** Why somebody was or was not told, by the notifier's and the push service's words. */
const WORDS: Record<string, string> = {
  message: 'All messages of this conversation are notified.',
  direct: 'It is a direct message.',
  mentioned: 'You were mentioned.',
  replied: 'It answers a message of yours.',
  thread: 'You took part in its thread.',
  reaction: 'It is a reaction to a message of yours.',
  added: 'You were added to the conversation.',
  call_missed: 'You missed a call.',
  sign_in: 'Somebody signed in to your account.',
  read_elsewhere: 'It was read on another device.',
  sender: 'You sent it.',
  not_active: 'The account is not active.',
  not_member: 'You were not a member of the conversation any more.',
  blocked: 'You have blocked whoever sent it.',
  joined_later: 'It was sent before you joined.',
  system_message: 'Changes of the conversation itself are not notified.',
  deleted: 'The message was deleted before.',
  withdrawn: 'The reaction was taken away before.',
  expired: 'The message had disappeared before.',
  stale: 'It was too old when its turn came.',
  read: 'You had read it before.',
  muted: 'You had muted the conversation.',
  notifications_off: 'You turned notifications off for such conversations.',
  not_mentioned: 'You asked for mentions only, and it does not mention you.',
  not_concerned: 'It does not concern you.',
  reactions_off: 'Reactions are not notified unless you ask for it.',
  push_off: 'You turned push off.',
  quiet_hours: 'It was within your quiet hours.',
  online: 'You were online.',
  no_device: 'No device of yours was registered for push.',
  device_off: 'You turned notifications off on this device.',
  device_not_mentioned: 'This device is told only what concerns you personally.',
  this_device: 'It happened on this device.',
  not_silent: 'Browsers cannot be told without showing something.',
  email_unavailable: 'This server sends no mail.',
  email_off: 'You turned mail off.',
  no_address: 'You have no confirmed address.',
  address_bounces: 'Mails to your address came back; confirm it again to get more.',
  mail_refused: 'The mail was refused.',
  mail_failed: 'The mail could not be delivered.',
  delivery_unknown: 'The mail may not have arrived: nobody confirmed it.',
}

/** For those it is about; what has no words of ours is an error of whoever was to deliver it. */
export function wordsFor(reason: string): string {
  return WORDS[reason] ?? `The delivery service answered: ${reason}.`
}

export function hasWords(reason: string): boolean {
  return reason in WORDS
}

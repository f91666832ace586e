/** Mails to one user in a day, codes apart. */
export const MAILS_PER_DAY = 20

/** An address that refused so many mails in a row gets no more digests. */
export const REFUSALS_MAX = 3

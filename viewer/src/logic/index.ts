/** Row of the call table. Not interchangeable with any other index. */
export type CallIndex = number & {readonly __table: 'call'}

/** Proves to the compiler that every case is handled. */
export function unreachable(value: never): never {
  throw new Error(`unexpected value: ${String(value)}`)
}

/** Unsigned numbers in a typed array that doubles when it is full. */
export interface GrowingU32 {
  items: Uint32Array
  length: number
}

export function growing(capacity = 256): GrowingU32 {
  return {items: new Uint32Array(capacity), length: 0}
}

export function push(list: GrowingU32, value: number): void {
  if (list.length === list.items.length) {
    const larger = new Uint32Array(list.items.length * 2)
    larger.set(list.items)
    list.items = larger
  }
  list.items[list.length++] = value
}

export function finished(list: GrowingU32): Uint32Array {
  return list.items.slice(0, list.length)
}

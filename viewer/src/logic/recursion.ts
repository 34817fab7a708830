import {NONE, type CallTable} from '../data/table.ts'
import type {CallTree} from './tree.ts'

export interface Recursion {
  /** Open calls of the same function above each call. */
  readonly level: Uint32Array
  /** For the outermost call of a recursion: how deep it went, itself included; 0 elsewhere. */
  readonly deepest: Uint32Array
  /** For the outermost call of a recursion: its calls of the same function, itself included; 0 elsewhere. */
  readonly calls: Uint32Array
}

/** Walks the tree in order without a stack: down to the first child, else on to the next sibling above. */
export function recursion(calls: CallTable, tree: CallTree, functionCount: number): Recursion {
  const length = tree.length
  const level = new Uint32Array(length)
  const deepest = new Uint32Array(length)
  const counted = new Uint32Array(length)
  const innermost = new Uint32Array(functionCount).fill(NONE)
  const before = new Uint32Array(length)
  const outermost = new Uint32Array(length)

  const enter = (call: number): void => {
    const called = calls.function[call]!
    const open = innermost[called]!
    before[call] = open
    innermost[called] = call
    if (open === NONE) {
      outermost[call] = call
      return
    }
    const top = outermost[open]!
    outermost[call] = top
    level[call] = level[open]! + 1
    deepest[top] = Math.max(deepest[top]!, level[call]! + 1)
    counted[top] = Math.max(counted[top]!, 1) + 1
  }

  const [from, to] = [tree.childStart[length]!, tree.childStart[length + 1]!]
  for (let at = from; at < to; at++) {
    const root = tree.children[at]!
    let call = root
    enter(call)
    for (;;) {
      if (tree.childStart[call]! < tree.childStart[call + 1]!) {
        call = tree.children[tree.childStart[call]!]!
        enter(call)
        continue
      }
      for (;;) {
        innermost[calls.function[call]!] = before[call]!
        if (call === root) break
        const next = tree.position[call]! + 1
        const above = tree.parent[call]!
        if (next < tree.childStart[above + 1]!) {
          call = tree.children[next]!
          enter(call)
          break
        }
        call = above
      }
      if (call === root) break
    }
  }
  return {level, deepest, calls: counted}
}

import {RAISED} from '../data/table.ts'
import {count} from '../lib/format.ts'
import type {Model} from './model.ts'
import {elapsed} from './times.ts'

/** Exact figures of a stretch of neighbouring calls. */
export interface StretchFacts {
  /** Calls of the stretch itself. */
  readonly own: number
  /** With everything below them. */
  readonly all: number
  readonly failed: number
  readonly totalNs: number
  readonly selfNs: number
  /** `price 991×, available 991×`, most called first. */
  readonly made: string
}

const NAMED = 4
const known = new WeakMap<Model, Map<string, StretchFacts>>()

export function stretchFacts(model: Model, from: number, to: number): StretchFacts {
  const cache = known.get(model) ?? new Map<string, StretchFacts>()
  known.set(model, cache)
  const key = `${from}-${to}`
  const facts = cache.get(key) ?? reckon(model, from, to)
  cache.set(key, facts)
  return facts
}

function reckon({calls, tree, page, self}: Model, from: number, to: number): StretchFacts {
  let [all, failed, totalNs, selfNs] = [0, 0, 0, 0]
  const byFunction = new Map<number, number>()
  for (let at = from; at < to; at++) {
    const call = tree.children[at]!
    all += tree.below[call]! + 1
    failed += tree.failedBelow[call]! + (calls.outcome[call] === RAISED ? 1 : 0)
    totalNs += elapsed(calls, call, page.run.duration_ns)
    selfNs += self[call]!
    byFunction.set(calls.function[call]!, (byFunction.get(calls.function[call]!) ?? 0) + 1)
  }
  const ranked = [...byFunction].sort((a, b) => b[1] - a[1] || a[0] - b[0])
  const named = ranked.slice(0, NAMED).map(([called, times]) => `${page.functions[called]!.name} ${count(times)}×`)
  const rest = ranked.length - named.length
  if (rest > 0) named.push(`${count(rest)} other${rest === 1 ? '' : 's'}`)
  return {own: to - from, all, failed, totalNs, selfNs, made: named.join(', ')}
}

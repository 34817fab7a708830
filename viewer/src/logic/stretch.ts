import {RAISED} from '../data/table.ts'
import {count, counted} from '../lib/format.ts'
import {lastPart, localName} from '../lib/text.ts'
import {functionOf, type Model} from './model.ts'
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
  /** `12 calls`, `5 class bodies`. */
  readonly words: string
  /** `price 991×, available 991×`, most called first; of bodies the names. */
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

function reckon(model: Model, from: number, to: number): StretchFacts {
  const {calls, tree, page, self} = model
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
  const figures = {own: to - from, all, failed, totalNs, selfNs}
  const bodies = bodyWords(model, from, to)
  if (bodies !== '') return {...figures, words: bodies, made: bodyNames(model, from, to)}
  const ranked = [...byFunction].sort((a, b) => b[1] - a[1] || a[0] - b[0])
  const named = ranked.slice(0, NAMED).map(([called, times]) => `${localName(page.functions[called]!.name)} ${count(times)}×`)
  const rest = ranked.length - named.length
  if (rest > 0) named.push(`${count(rest)} other${rest === 1 ? '' : 's'}`)
  return {...figures, words: counted(to - from, 'call'), made: named.join(', ')}
}

/** `5 class bodies` where all calls are bodies of one kind, else ''. */
function bodyWords({calls, tree, page}: Model, from: number, to: number): string {
  const kindAt = (at: number) => page.functions[calls.function[tree.children[at]!]!]!.kind
  const kind = kindAt(from)
  if (kind !== 'module' && kind !== 'class') return ''
  for (let at = from + 1; at < to; at++) if (kindAt(at) !== kind) return ''
  return counted(to - from, `${kind} body`, `${kind} bodies`)
}

function bodyNames(model: Model, from: number, to: number): string {
  const names: string[] = []
  for (let at = from; at < Math.min(to, from + NAMED); at++) {
    const {kind, name, module} = functionOf(model, model.tree.children[at]!)
    names.push(kind === 'class' ? name : lastPart(module))
  }
  const rest = to - from - names.length
  if (rest > 0) names.push(counted(rest, 'other'))
  return names.join(', ')
}

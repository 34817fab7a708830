import {NONE, RAISED, type CallTable} from '../data/table.ts'
import type {Recording} from '../data/read.ts'
import type {FoldedTree} from '../data/folded.ts'
import type {FunctionRow, PageData} from '../gen/page.ts'
import {type TimeUnit, unitFor} from '../lib/format.ts'
import {finished, growing, push} from '../lib/growing.ts'
import {type CallIndex} from './index.ts'
import {recursion, type Recursion} from './recursion.ts'
import {segmentsOf, type Segments} from './segments.ts'
import {selfTimes} from './times.ts'
import {callTree, childRange, type CallTree} from './tree.ts'

/** One recording with everything derived from it once. */
export interface Model {
  readonly page: PageData
  readonly calls: CallTable
  readonly folded: FoldedTree | null
  readonly tree: CallTree
  readonly self: Float64Array
  readonly recursion: Recursion
  /** Calls that raised and did not only let a callee's exception pass, in order of start. */
  readonly origins: Uint32Array
  /** Calls of function f are `byFunction[byFunctionStart[f]..byFunctionStart[f + 1]]`, in order of start. */
  readonly byFunction: Uint32Array
  readonly byFunctionStart: Uint32Array
  readonly unit: TimeUnit
  /** Pieces already worked out, by call. */
  readonly segments: Map<number, Segments>
}

export function createModel({page, calls, folded}: Recording): Model {
  const tree = callTree(calls, page.threads, page.tasks, page.run.calls)
  return {
    page, calls, folded, tree,
    self: selfTimes(calls, tree, page.run.duration_ns),
    recursion: recursion(calls, tree, page.functions.length),
    origins: failureOrigins(calls, tree),
    ...callsByFunction(calls, page.functions.length),
    unit: unitFor(page.run.duration_ns),
    segments: new Map(),
  }
}

export function segments(model: Model, call: number): Segments {
  const known = model.segments.get(call)
  if (known !== undefined) return known
  const found = segmentsOf(model, call)
  model.segments.set(call, found)
  return found
}

export function functionOf(model: Model, call: number): FunctionRow {
  return model.page.functions[model.calls.function[call]!]!
}

/**
 * Whether the call is the body of an imported module or of a class in which nothing failed: what the program does begins after it.
 * The script's own body is none; where no function is the script's, the first call stands for it.
 */
export function isQuietBody(model: Model, call: number): boolean {
  const {kind, module} = functionOf(model, call)
  if (kind !== 'class' && kind !== 'module') return false
  const isScript = kind === 'module' && (module === '__main__' || (call === model.tree.children[model.tree.childStart[model.tree.length]!] && !hasScript(model)))
  return !isScript && model.calls.outcome[call] !== RAISED && model.tree.failedBelow[call] === 0
}

function hasScript({page}: Model): boolean {
  return page.functions.some(({kind, module}) => kind === 'module' && module === '__main__')
}

/** Whether the call ended with the exception its caller ended with. */
export function passesOn({calls, tree}: Pick<Model, 'calls' | 'tree'>, call: number): boolean {
  const above = tree.parent[call]!
  return above !== NONE && calls.outcome[call] === RAISED && calls.outcome[above] === RAISED &&
    calls.exception[call] === calls.exception[above] && calls.parent[call] === above
}

/** The first failed call followed down to where its exception was raised. */
export function firstFailure(model: Model): CallIndex | undefined {
  const {calls} = model
  for (let call = 0; call < calls.length; call++) {
    if (calls.outcome[call] === RAISED) return originOf(model, call)
  }
  return undefined
}

export function originOf(model: Model, failed: number): CallIndex {
  const {tree} = model
  let call = failed
  for (;;) {
    const [from, to] = childRange(tree, call)
    let next = NONE
    for (let at = to - 1; at >= from && next === NONE; at--) {
      if (passesOn(model, tree.children[at]!)) next = tree.children[at]!
    }
    if (next === NONE) return call as CallIndex
    call = next
  }
}

function failureOrigins(calls: CallTable, tree: CallTree): Uint32Array {
  const passed = new Uint8Array(calls.length)
  for (let call = 0; call < calls.length; call++) {
    if (passesOn({calls, tree}, call)) passed[tree.parent[call]!] = 1
  }
  const list = growing(16)
  for (let call = 0; call < calls.length; call++) {
    if (calls.outcome[call] === RAISED && passed[call] === 0) push(list, call)
  }
  return finished(list)
}

function callsByFunction(calls: CallTable, functionCount: number): {byFunction: Uint32Array, byFunctionStart: Uint32Array} {
  const byFunctionStart = new Uint32Array(functionCount + 1)
  for (let call = 0; call < calls.length; call++) byFunctionStart[calls.function[call]! + 1]!++
  for (let f = 0; f < functionCount; f++) byFunctionStart[f + 1]! += byFunctionStart[f]!
  const next = byFunctionStart.slice(0, functionCount)
  const byFunction = new Uint32Array(calls.length)
  for (let call = 0; call < calls.length; call++) byFunction[next[calls.function[call]!]!++] = call
  return {byFunction, byFunctionStart}
}

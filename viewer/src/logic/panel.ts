import {CLOSED, EXITED, NONE, RAISED, UNFINISHED} from '../data/table.ts'
import {count, counted, duration, moment} from '../lib/format.ts'
import {exceptionType, fileName, localName, plainName, visibleLines} from '../lib/text.ts'
import {argumentTexts, laneName, modulePrefix, outcomeWords, resultText, textAt, wentOn, type ArgumentText, type ValueText} from './label.ts'
import type {Line} from './mapline.ts'
import {functionOf, passesOn, type Model} from './model.ts'
import {elapsed} from './times.ts'
import {pathUp} from './tree.ts'

export interface CallerView {
  readonly call: number
  readonly name: string
  /** `cart.py:49`, the place of the call below it. */
  readonly where: string
}

export interface FailureStep {
  readonly call: number
  readonly text: string
  readonly where: string
  readonly kind: 'raised' | 'passes' | 'caught'
}

/** What is known of the calls that a row of the map stands for. */
export interface FoldedRow {
  readonly words: string
  /** Arguments and the result: what values they had. */
  readonly values: readonly {readonly name: string, readonly text: string}[]
}

export function foldedRow(line: Line | undefined): FoldedRow | null {
  if (line === undefined || line.told === null || line.times < 2 || line.fn < 0) return null
  const values = (line.told.args ?? []).map(([name, text]) => ({name, text: text === '' ? 'not recorded' : text}))
  if (line.told.result !== undefined) values.push({name: '→', text: line.told.result})
  if (line.told.exception !== undefined) values.push({name: '×', text: line.told.exception})
  return {words: `${counted(line.times, 'call')}, folded`, values}
}

/** What the panel says about one call. */
export interface CallFacts {
  readonly title: string
  readonly outcome: string
  readonly failed: boolean
  readonly took: string
  readonly at: string
  readonly lane: string
  readonly handle: string
  readonly defined: string
  readonly file: string
  readonly kind: string
  readonly args: readonly ArgumentText[]
  readonly result: ValueText | null
  readonly exception: string
  readonly path: readonly FailureStep[]
  readonly callers: readonly CallerView[]
  readonly callersLeft: number
  readonly inside: number
  readonly failedInside: number
  readonly self: string
  readonly suspended: string
}

const CALLERS = 12
const STEPS = 8
const KINDS = {function: '', generator: 'generator', coroutine: 'coroutine', async_generator: 'async generator', module: 'module body', class: 'class body'} as const

export function callFacts(model: Model, call: number): CallFacts {
  const {calls, tree, page, unit} = model
  const row = functionOf(model, call)
  const isUnfinished = calls.outcome[call] === UNFINISHED
  const took = duration(elapsed(calls, call, page.run.duration_ns))
  const suspended = calls.suspended[call]!
  return {
    title: `${modulePrefix(row)}${row.name}`,
    outcome: isUnfinished ? outcomeWords(model, call) : `${outcomeWords(model, call)} ${calls.outcome[call] === CLOSED || calls.outcome[call] === EXITED ? 'after' : 'in'} ${took}`,
    failed: calls.outcome[call] === RAISED,
    took,
    at: `${moment(calls.start[call]!, unit, 3)} ${unit}`,
    lane: laneName(model, call),
    handle: `c-${call}`,
    defined: row.file === '' ? '' : `${fileName(row.file)}:${row.line}`,
    file: `${row.file}:${row.line}`,
    kind: KINDS[row.kind],
    args: argumentTexts(model, call, Number.POSITIVE_INFINITY, true),
    result: resultText(model, call, Number.POSITIVE_INFINITY),
    exception: calls.outcome[call] === RAISED ? visibleLines(textAt(model, calls.exception[call]!)) || 'not recorded' : '',
    path: calls.outcome[call] === RAISED ? failurePath(model, call) : [],
    ...callersOf(model, call),
    inside: tree.below[call]!,
    failedInside: tree.failedBelow[call]!,
    self: tree.absent[call] === 0 ? duration(model.self[call]!) : '',
    suspended: suspended > 0 ? duration(suspended) : '',
  }
}

/** Names from the root to the call, at most `limit` of them, the innermost kept. */
export function statusPath(model: Model, call: number, limit = 6): {lane: string, hidden: number, calls: {call: number, name: string}[]} {
  const path = pathUp(model.tree, call, limit).reverse()
  return {
    lane: laneName(model, call),
    hidden: model.tree.depth[call]! + 1 - path.length,
    calls: path.map((at) => ({call: at, name: localName(functionOf(model, at).name)})),
  }
}

function callersOf(model: Model, call: number): {callers: CallerView[], callersLeft: number} {
  const {calls, tree} = model
  const path = pathUp(tree, call, CALLERS + 1)
  return {
    callers: path.slice(1).map((above, at) => {
      const row = functionOf(model, above)
      const below = path[at]!
      const isCreator = calls.parent[below] !== above
      const line = calls.callLine[below]!
      const where = isCreator ? 'another thread' : line === 0 ? fileName(row.file) : `${fileName(row.file)}:${line}`
      return {call: above, name: `${modulePrefix(row)}${plainName(row.name)}`, where}
    }),
    callersLeft: tree.depth[call]! + 1 - path.length,
  }
}

/** From where the exception was raised up to where it ended. */
function failurePath(model: Model, call: number): FailureStep[] {
  const {calls, tree} = model
  const name = (of: number) => plainName(functionOf(model, of).name)
  const where = (of: number, below: number) => {
    const line = below === NONE ? 0 : calls.callLine[below]!
    return `${fileName(functionOf(model, of).file)}${line === 0 ? '' : `:${line}`}`
  }
  const chain = [call]
  for (let at = call; passesOn(model, at);) {
    at = tree.parent[at]!
    chain.push(at)
  }
  const steps: FailureStep[] = [{call, kind: 'raised', text: exceptionType(textAt(model, calls.exception[call]!)), where: `leaves ${name(call)}, ${where(call, NONE)}`}]
  const passed = chain.slice(1)
  for (const [at, above] of passed.slice(0, STEPS).entries()) {
    steps.push({call: above, kind: 'passes', text: `passes through ${name(above)}`, where: where(above, chain[at]!)})
  }
  if (passed.length > STEPS) {
    steps.push({call: passed[passed.length - 1]!, kind: 'passes', text: `passes through ${count(passed.length - STEPS)} more`, where: `up to ${name(passed[passed.length - 1]!)}`})
  }
  const last = chain[chain.length - 1]!
  const receiver = tree.parent[last]!
  if (receiver === NONE || calls.parent[last] !== receiver) {
    steps.push({call: last, kind: 'caught', text: 'leaves the recorded code', where: laneName(model, last)})
  } else if (calls.outcome[receiver] === RAISED && !wentOn(model, receiver, last)) {
    steps.push({call: receiver, kind: 'caught', text: `${name(receiver)} then raised`, where: textAt(model, calls.exception[receiver]!)})
  } else {
    steps.push({call: receiver, kind: 'caught', text: `handled in ${name(receiver)}`, where: where(receiver, last)})
  }
  return steps
}

import {CLOSED, EXITED, RAISED, RETURNED, UNFINISHED} from '../data/table.ts'
import type {FunctionRow} from '../gen/page.ts'
import {count, duration} from '../lib/format.ts'
import {clip, exceptionType, fileLabel, lastPart, plainName, visible} from '../lib/text.ts'
import {functionOf, passesOn, type Model} from './model.ts'
import {childRange} from './tree.ts'

/** A value as shown. `missing` values are hatched: not recorded or hidden. */
export interface ValueText {
  readonly text: string
  readonly missing: boolean
  /** All of it, where that is more. */
  readonly whole?: string
}

export interface ArgumentText {
  readonly name: string
  readonly value: ValueText
}

/** Longest value on the map and in the tree. */
export const SHORT_VALUE = 40
const SHORT_FAILURE = 80

export function valueText(text: string, limit = Number.POSITIVE_INFINITY): ValueText {
  if (text === '') return {text: 'not recorded', missing: true}
  if (text === 'hidden') return {text, missing: true}
  return {text: clip(visible(text), limit), missing: false}
}

/** Characters of many values, and of one of them where they are more. */
const MANY = 36
const EXAMPLE = 18

/** What values many calls had: an example and how many there are, where all that is known would be too long. */
export function foldedText(text: string): ValueText {
  const parts = /^(.*), … (.* distinct)$/.exec(text)
  if (parts === null || text.length <= MANY) return {...valueText(text), text: clip(visible(text === '' ? 'not recorded' : text), SHORT_VALUE)}
  const example = clip(parts[1]!, EXAMPLE).replace(/[,(\[{ ]*…$/, '…')
  return {text: `${example}${example.endsWith('…') ? ' ' : ', … '}${parts[2]!}`, missing: false, whole: text}
}

/** Arguments in order. The receiver (`self`, `cls`) and what has no name of its own are left to the panel. */
export function argumentTexts(model: Model, call: number, limit: number, withReceiver = false): ArgumentText[] {
  const {args, has_receiver: hasReceiver} = functionOf(model, call)
  const from = model.calls.argsStart[call]!
  const texts = args.map((name, at) => ({name, value: valueText(textAt(model, model.calls.argTexts[from + at]!), limit)}))
  // A generator expression's iterator has a name that nobody wrote.
  return !withReceiver && (hasReceiver || args[0]?.startsWith('.') === true) ? texts.slice(1) : texts
}

/** What came back, or null when the call did not return. */
export function resultText(model: Model, call: number, limit: number): ValueText | null {
  return model.calls.outcome[call] === RETURNED ? valueText(textAt(model, model.calls.result[call]!), limit) : null
}

/** The exception a call ended with, or ''. */
export function failureText(model: Model, call: number, limit = SHORT_FAILURE): string {
  if (model.calls.outcome[call] !== RAISED) return ''
  const text = textAt(model, model.calls.exception[call]!)
  return text === '' ? 'exception not recorded' : clip(visible(text), limit)
}

/** `SystemExit: 0 ends the program`: how a call ended that neither returned nor failed, or ''. */
export function exitText(model: Model, call: number): string {
  if (model.calls.outcome[call] !== EXITED) return ''
  const text = visible(textAt(model, model.calls.exception[call]!))
  return `${text} ${exceptionType(text) === 'SystemExit' ? 'ends the program' : 'closes it'}`
}

/** Where a failure goes: what catches it, or that nothing recorded does. `outermost` is the last call that let it pass. */
export function failureGoes(model: Model, call: number, outermost: number): string {
  const {calls, tree} = model
  const passed = tree.depth[call]! - tree.depth[outermost]!
  const receiver = calls.parent[outermost]!
  const through = passed === 0 ? '' : passed === 1
    ? `passes through ${plainName(functionOf(model, outermost).name)}, `
    : `passes through ${count(passed)} calls up to ${plainName(functionOf(model, outermost).name)}, `
  if (receiver >= calls.length) return `${through}${leavesLane(model, outermost)}`
  const name = plainName(functionOf(model, receiver).name)
  if (tree.lane[receiver] !== tree.lane[outermost] && calls.task[outermost] !== calls.task[receiver]) return `${through}ends ${laneWords(model, outermost)}`
  if (passesOn(model, outermost)) return `${through}passes on to ${name}`
  if (calls.outcome[receiver] === RAISED && !wentOn(model, receiver, outermost)) return `${through}${name} then raised ${exceptionType(textAt(model, calls.exception[receiver]!))}`
  return `${through}handled here, in ${name}`
}

/** Whether the receiver called anything after the call ended: then it had caught the exception. */
export function wentOn({calls, tree}: Model, receiver: number, failed: number): boolean {
  const [from, to] = childRange(tree, receiver)
  for (let at = to - 1; at >= from; at--) {
    const call = tree.children[at]!
    if (calls.parent[call] === receiver) return call !== failed && calls.start[call]! >= calls.end[failed]!
  }
  return false
}

/** One word for each outcome, for the panel and for speech. */
export function outcomeWords(model: Model, call: number): string {
  switch (model.calls.outcome[call]) {
    case RAISED:
      return 'failed'
    case CLOSED:
      return 'closed before its end'
    case EXITED:
      return `left by ${visible(textAt(model, model.calls.exception[call]!))}`
    case UNFINISHED:
      return 'did not return before the recording ended'
    default:
      return 'returned'
  }
}

/** `on pool-0` or `task “charge”` for the first call of another lane, else ''. */
export function laneNote(model: Model, call: number): string {
  const {tree} = model
  const above = tree.parent[call]!
  const before = above >= tree.length ? 0 : tree.lane[above]!
  return tree.lane[call] === before ? '' : laneWords(model, call)
}

export function laneWords(model: Model, call: number): string {
  const lane = model.tree.lane[call]!
  const task = lane - model.page.threads.length
  return task >= 0 ? `task “${visible(model.page.tasks[task]?.name ?? '?')}”` : `on ${visible(model.page.threads[lane]?.name ?? '?')}`
}

export function laneName(model: Model, call: number): string {
  const {threads, tasks} = model.page
  const lane = model.tree.lane[call]!
  const thread = threads[model.calls.thread[call]!]?.name ?? ''
  return visible(lane < threads.length ? thread : `task “${tasks[lane - threads.length]?.name ?? ''}” on ${thread}`)
}

/** What a row says after the values: body, lane, recursion, suspension. */
export function callNotes(model: Model, call: number, withSuspended: boolean, withLane = true, withRecursion = true): string {
  const row = functionOf(model, call)
  const notes: string[] = []
  const lane = laneNote(model, call)
  if (lane !== '' && withLane) notes.push(lane)
  if (row.kind === 'module') notes.push(`body of ${fileLabel(row.file)}`)
  if (row.kind === 'class') notes.push('class body')
  const deepest = model.recursion.deepest[call]!
  if (deepest > 1 && withRecursion) notes.push(`recursion, ${count(deepest)} deep, ${count(model.recursion.calls[call]!)} calls`)
  else if (deepest <= 1 && model.recursion.level[call]! >= LEVELS_SEEN) notes.push(`level ${count(model.recursion.level[call]! + 1)}`)
  const suspended = model.calls.suspended[call]!
  if (withSuspended && suspended > 0) notes.push(`suspended ${duration(suspended)}`)
  return notes.join(', ')
}

/** Levels of a recursion that can be told apart by their offset. */
export const LEVELS_SEEN = 6

/** `cart.` before `Cart.load`; nothing before a script's own functions. */
export function modulePrefix(row: FunctionRow): string {
  return row.module === '__main__' || row.module === '' ? '' : `${lastPart(row.module)}.`
}

export function textAt(model: Model, index: number): string {
  return model.page.texts[index] ?? ''
}

function leavesLane(model: Model, call: number): string {
  const lane = model.tree.lane[call]!
  if (lane === 0) return 'leaves the recorded code'
  return lane < model.page.threads.length ? `leaves the recorded code ${laneWords(model, call)}` : `ends ${laneWords(model, call)}`
}

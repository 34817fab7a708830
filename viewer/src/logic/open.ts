import {NONE, RAISED} from '../data/table.ts'
import {firstFailure, isQuietBody, passesOn, segments, type Model} from './model.ts'
import {stretchKey} from './rows.ts'
import {EQUAL, SINGLE, STRETCH, insideStretch, type Segments} from './segments.ts'
import {childRange, pathUp} from './tree.ts'

/** What is open: one byte a call, and the keys of opened stretches. Never changed in place. */
export interface OpenState {
  readonly calls: Uint8Array
  readonly stretches: ReadonlySet<string>
}

/** Messages the first picture shows at most; the path of a failure that ends the program is shown beyond it. */
export const FIRST_MESSAGES = 60
const LONGEST_FIRST_PATH = 40

/** The first picture: the first failure's path, then depth by depth whatever fits; bodies of imported modules and of classes stay folded. */
export function firstOpening(model: Model): OpenState {
  const {tree} = model
  const open = {calls: new Uint8Array(tree.length), stretches: new Set<string>()}
  let messages = messagesIn(model, segments(model, NONE))
  const failure = firstFailure(model)
  if (failure !== undefined && tree.depth[failure]! <= LONGEST_FIRST_PATH) {
    const leaves = leavesAll(model, failure)
    for (const call of pathUp(tree, failure).slice(1).reverse()) {
      const cost = messagesIn(model, segments(model, call)) + 1
      if (!leaves && messages + cost > FIRST_MESSAGES) break
      open.calls[call] = 1
      messages += cost
    }
  }
  let level = shownCalls(model, NONE)
  while (level.length > 0 && messages < FIRST_MESSAGES) {
    const next: number[] = []
    for (const call of level) {
      if (tree.below[call] === 0 || isQuietBody(model, call)) continue
      if (open.calls[call] === 0) {
        const cost = messagesIn(model, segments(model, call)) + 1
        if (messages + cost > FIRST_MESSAGES) continue
        messages += cost
        open.calls[call] = 1
      }
      next.push(...shownCalls(model, call))
    }
    level = next
  }
  return open
}

/** Whether no recorded call stops the exception. Of one that is handled, folded rows say where it is. */
function leavesAll(model: Model, failure: number): boolean {
  let at = failure
  while (passesOn(model, at)) at = model.tree.parent[at]!
  return model.tree.parent[at] === NONE
}

/** Opens or folds one call. */
export function withCall(open: OpenState, call: number, isOpen: boolean): OpenState {
  const calls = open.calls.slice()
  calls[call] = isOpen ? 1 : 0
  return {...open, calls}
}

export function withStretch(open: OpenState, key: string, isOpen: boolean): OpenState {
  const stretches = new Set(open.stretches)
  if (isOpen) stretches.add(key)
  else stretches.delete(key)
  return {...open, stretches}
}

/** Opens or folds a call and everything below it. Walks forward: children come after their parents. */
export function withAllBelow(model: Model, open: OpenState, call: number, isOpen: boolean): OpenState {
  const {tree} = model
  const calls = open.calls.slice()
  const inside = new Uint8Array(tree.length)
  inside[call] = 1
  calls[call] = isOpen ? 1 : 0
  for (let at = call + 1; at < tree.length; at++) {
    const above = tree.parent[at]!
    if (above === NONE || inside[above] === 0) continue
    inside[at] = 1
    calls[at] = isOpen ? 1 : 0
  }
  if (!isOpen) {
    const isOutside = (key: string) => inside[tree.parent[tree.children[Number.parseInt(key, 10)]!]!] !== 1
    return {calls, stretches: new Set([...open.stretches].filter(isOutside))}
  }
  const stretches = new Set(open.stretches)
  for (let at = call; at < tree.length; at++) {
    const [from, to] = childRange(tree, at)
    if (inside[at] === 1 && to - from > 1) addStretches(segments(model, at), stretches)
  }
  return {calls, stretches}
}

function addStretches(pieces: Segments, stretches: Set<string>): void {
  for (let at = 0; at < pieces.length; at += 3) {
    if (pieces[at + 2] !== STRETCH) continue
    const [from, to] = [pieces[at]!, pieces[at + 1]!]
    stretches.add(stretchKey(from, to))
    addStretches(insideStretch(from, to), stretches)
  }
}

/** Folds everything. */
export function foldedAll(model: Model): OpenState {
  return {calls: new Uint8Array(model.tree.length), stretches: new Set()}
}

/** Opens whatever hides the call. */
export function revealing(model: Model, open: OpenState, call: number): OpenState {
  const {tree} = model
  let {calls} = open
  const stretches = new Set(open.stretches)
  for (let at = call; at !== NONE; at = tree.parent[at]!) {
    const above = tree.parent[at]!
    openStretches(segments(model, above), tree.position[at]!, stretches)
    if (above === NONE || calls[above] === 1) continue
    if (calls === open.calls) calls = calls.slice()
    calls[above] = 1
  }
  return calls === open.calls && stretches.size === open.stretches.size ? open : {calls, stretches}
}

function openStretches(pieces: Segments, place: number, stretches: Set<string>): void {
  let list = pieces
  for (;;) {
    const at = pieceAt(list, place)
    if (at < 0 || list[at + 2] === SINGLE) return
    const [from, to] = [list[at]!, list[at + 1]!]
    stretches.add(stretchKey(from, to))
    list = insideStretch(from, to)
  }
}

/** Index of the piece that holds the place. Pieces stand in order. */
function pieceAt(list: Segments, place: number): number {
  let low = 0
  let high = list.length / 3 - 1
  while (low <= high) {
    const middle = (low + high) >> 1
    if (place < list[middle * 3]!) high = middle - 1
    else if (place >= list[middle * 3 + 1]!) low = middle + 1
    else return middle * 3
  }
  return -1
}

function messagesIn({calls, tree}: Model, pieces: Segments): number {
  let messages = 0
  for (let at = 0; at < pieces.length; at += 3) {
    const failed = pieces[at + 2] === SINGLE && calls.outcome[tree.children[pieces[at]!]!] === RAISED
    messages += failed ? 2 : 1
  }
  return messages
}

function shownCalls(model: Model, call: number): number[] {
  const pieces = segments(model, call)
  const shown: number[] = []
  for (let at = 0; at < pieces.length; at += 3) {
    const kind = pieces[at + 2]
    if (kind !== STRETCH && kind !== EQUAL) shown.push(model.tree.children[pieces[at]!]!)
  }
  return shown
}

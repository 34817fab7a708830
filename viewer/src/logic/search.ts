import {finished, growing, push} from '../lib/growing.ts'
import type {Model} from './model.ts'

export interface Hits {
  readonly query: string
  /** Calls that match, in order of start. */
  readonly calls: Uint32Array
  readonly functions: ReadonlySet<number>
  /** Hits below each call; empty when nothing is sought. */
  readonly below: Uint32Array
}

export const NO_HITS: Hits = {query: '', calls: new Uint32Array(0), functions: new Set(), below: new Uint32Array(0)}

/** Calls whose name, an argument, the result or the exception contains the query, in any case. */
export function search(model: Model, query: string): Hits {
  const trimmed = query.trim()
  if (trimmed === '') return NO_HITS
  const {calls, page} = model
  const pattern = patternOf(trimmed)
  const functions = new Set<number>()
  page.functions.forEach((row, at) => {
    if (pattern.test(row.name) || pattern.test(`${row.module}.${row.name}`)) functions.add(at)
  })
  const texts = new Uint8Array(page.texts.length)
  let any = false
  for (let at = 1; at < texts.length; at++) {
    if (!pattern.test(page.texts[at]!)) continue
    texts[at] = 1
    any = true
  }
  const argCount = Uint32Array.from(page.functions, (row) => row.args.length)
  const list = growing(256)
  for (let call = 0; call < calls.length; call++) {
    const called = calls.function[call]!
    if (functions.has(called)) {
      push(list, call)
      continue
    }
    if (!any) continue
    let found = texts[calls.result[call]!] === 1 || texts[calls.exception[call]!] === 1
    const from = calls.argsStart[call]!
    const to = from + argCount[called]!
    for (let at = from; at < to && !found; at++) found = texts[calls.argTexts[at]!] === 1
    if (found) push(list, call)
  }
  const hits = finished(list)
  return {query: trimmed, calls: hits, functions, below: hitsBelow(model, hits)}
}

/** Hits among neighbouring calls, given as places in `children`, and below them. */
export function hitsIn({tree}: Model, hits: Hits, from: number, to: number): number {
  if (hits.query === '') return 0
  let sum = 0
  for (let at = from; at < to; at++) {
    const call = tree.children[at]!
    sum += hits.below[call]! + (hits.calls[hitFrom(hits, call)] === call ? 1 : 0)
  }
  return sum
}

function hitsBelow({tree}: Model, hits: Uint32Array): Uint32Array {
  const below = new Uint32Array(tree.length)
  let next = hits.length - 1
  for (let call = tree.length - 1; call >= 0; call--) {
    const own = next >= 0 && hits[next] === call ? 1 : 0
    next -= own
    const above = tree.parent[call]!
    if (above < call) below[above]! += below[call]! + own
  }
  return below
}

/** Place of the first hit at or after the call; 0 when there is none after it. */
export function hitFrom({calls}: Hits, call: number): number {
  let low = 0
  let high = calls.length
  while (low < high) {
    const middle = (low + high) >> 1
    if (calls[middle]! < call) low = middle + 1
    else high = middle
  }
  return low === calls.length ? 0 : low
}

export interface TextPart {
  readonly text: string
  readonly hit: boolean
}

/** The text cut where the query begins and ends. */
export function markParts(text: string, query: string): TextPart[] {
  if (query === '') return [{text, hit: false}]
  const parts: TextPart[] = []
  let at = 0
  for (const match of text.matchAll(new RegExp(patternOf(query), 'gi'))) {
    if (match.index > at) parts.push({text: text.slice(at, match.index), hit: false})
    parts.push({text: match[0], hit: true})
    at = match.index + match[0].length
  }
  if (at < text.length) parts.push({text: text.slice(at), hit: false})
  return parts
}

function patternOf(query: string): RegExp {
  return new RegExp(query.replace(/[.*+?^${}()|[\]\\]/g, '\\$&'), 'i')
}

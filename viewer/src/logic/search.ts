import {finished, growing, push} from '../lib/growing.ts'
import type {Model} from './model.ts'

export interface Hits {
  readonly query: string
  /** Calls that match, in order of start. */
  readonly calls: Uint32Array
  readonly functions: ReadonlySet<number>
}

export const NO_HITS: Hits = {query: '', calls: new Uint32Array(0), functions: new Set()}

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
  return {query: trimmed, calls: finished(list), functions}
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

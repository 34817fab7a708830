import type {FunctionRow} from '../gen/page.ts'
import {count, duration} from '../lib/format.ts'
import {lastPart, localName, outerNames} from '../lib/text.ts'
import type {Model} from './model.ts'

export const FUNCTION_COLUMNS = ['name', 'module', 'calls', 'total', 'self', 'mean', 'spread', 'slowest', 'failed'] as const
export type FunctionColumn = (typeof FUNCTION_COLUMNS)[number]

export interface FunctionOrder {
  readonly column: FunctionColumn
  readonly down: boolean
}

export const BY_SELF: FunctionOrder = {column: 'self', down: true}

export interface FunctionView {
  readonly index: number
  /** Whether this file holds a call of it. */
  readonly isHeld: boolean
  readonly name: string
  /** What the name does not say: `in total`, `module body`. */
  readonly note: string
  readonly whole: string
  readonly module: string
  readonly calls: string
  /** Percent of the most called, by logarithm. */
  readonly callsShare: number
  readonly total: string
  readonly totalShare: number
  readonly selfShare: number
  readonly self: string
  readonly mean: string
  readonly spread: readonly number[]
  readonly slowest: string
  readonly failed: string
  readonly hasFailed: boolean
}

/** Indices of the functions that were called, in order. Equal rows keep the order of first appearance. */
export function orderedFunctions({page}: Model, {column, down}: FunctionOrder): number[] {
  const rows = page.functions
  const sign = down ? -1 : 1
  return rows
    .map((_, at) => at)
    .filter((at) => rows[at]!.calls > 0)
    .sort((a, b) => sign * compare(rows[a]!, rows[b]!, column) || rows[a]!.first_ns - rows[b]!.first_ns || a - b)
}

/** A local function by its own name, a module's body by its module. */
function nameOf({name, kind, module}: FunctionRow): {name: string, note: string} {
  if (kind === 'module') return {name: lastPart(module), note: 'module body'}
  const outer = outerNames(name).slice(0, -1)
  return {name: localName(name), note: kind === 'class' ? 'class body' : outer === '' ? '' : `in ${outer}`}
}

/** Names go up first, figures down first; the same column again turns round. */
export function nextOrder(order: FunctionOrder, column: FunctionColumn): FunctionOrder {
  if (order.column === column) return {column, down: !order.down}
  return {column, down: column !== 'name' && column !== 'module'}
}

export function describeFunctions({page, byFunctionStart}: Model, indices: readonly number[]): FunctionView[] {
  const most = page.functions.reduce((value, row) => Math.max(value, row.calls), 1)
  const run = Math.max(1, page.run.duration_ns)
  return indices.map((index) => {
    const row = page.functions[index]!
    return {
      index, isHeld: byFunctionStart[index] !== byFunctionStart[index + 1], ...nameOf(row), whole: row.name, module: row.module,
      calls: count(row.calls),
      callsShare: most === 1 ? 100 : Math.max(4, (Math.log(row.calls) / Math.log(most)) * 100),
      total: duration(row.total_ns), self: duration(row.self_ns), mean: duration(row.mean_ns), slowest: duration(row.slowest_ns),
      totalShare: Math.min(100, (row.total_ns / run) * 100), selfShare: Math.min(100, (row.self_ns / run) * 100),
      spread: row.calls > 1 ? row.spread : [],
      failed: row.failed === 0 ? '0' : `× ${count(row.failed)}`, hasFailed: row.failed > 0,
    }
  })
}

function compare(a: FunctionRow, b: FunctionRow, column: FunctionColumn): number {
  switch (column) {
    case 'name':
      return text(a.name, b.name)
    case 'module':
      return text(a.module, b.module) || text(a.name, b.name)
    case 'calls':
      return a.calls - b.calls
    case 'total':
      return a.total_ns - b.total_ns
    case 'self':
      return a.self_ns - b.self_ns
    case 'mean':
      return a.mean_ns - b.mean_ns
    case 'spread':
      return ratio(a) - ratio(b)
    case 'slowest':
      return a.slowest_ns - b.slowest_ns
    case 'failed':
      return a.failed - b.failed
  }
}

/** How far the slowest call lies above the mean. */
function ratio(row: FunctionRow): number {
  return row.mean_ns === 0 ? 0 : row.slowest_ns / row.mean_ns
}

function text(a: string, b: string): number {
  return a < b ? -1 : a > b ? 1 : 0
}

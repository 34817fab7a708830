import type {PageData, PageHead, PageTables} from '../gen/page.ts'
import {foldedTree, type FoldedTree} from './folded.ts'
import {callTable, type CallTable} from './table.ts'

export interface Recording {
  readonly page: PageData
  readonly calls: CallTable
  /** Null where it had no room in the file. */
  readonly folded: FoldedTree | null
}

/** Reads the page's JSON; tables and columns come later. */
export function readHead(document: Document): PageHead {
  const text = document.getElementById('execmap-page')?.textContent ?? ''
  if (text.startsWith('/*')) throw new Error('it is a template and holds no run')
  const page = JSON.parse(text) as PageHead
  if (page.schema !== 1) throw new Error(`its schema is ${String(page.schema)}, this reader knows 1`)
  return page
}

/** Decodes base64 of gzip of tables and columns. `progress` gets fractions from 0 to 1. */
export async function readRecording(document: Document, head: PageHead, progress: (part: number) => void): Promise<Recording> {
  const encoded = (document.getElementById('execmap-columns')?.textContent ?? '').trim()
  const packed = await fromBase64(encoded, (part) => progress(part * 0.4))
  const size = head.columns.reduce((most, spec) => Math.max(most, spec.offset + spec.length * spec.width), 1)
  const bytes = await gunzip(packed, (done) => progress(0.4 + 0.6 * Math.min(1, done / size)))
  return recordingOf(head, bytes)
}

/** The recording in decoded bytes. */
export function recordingOf(head: PageHead, bytes: Uint8Array<ArrayBuffer>): Recording {
  const spec = head.columns.find(({name}) => name === 'tables')
  if (spec === undefined) throw new Error('its tables are missing')
  const tables = JSON.parse(new TextDecoder().decode(bytes.subarray(spec.offset, spec.offset + spec.length))) as PageTables
  const calls = callTable(bytes, head.columns, tables.functions.map(({args}) => args.length))
  return {page: {...head, ...tables}, calls, folded: foldedTree(bytes, head.columns, head.roots)}
}

const CHUNK = 1 << 20

async function fromBase64(text: string, progress: (part: number) => void): Promise<Uint8Array<ArrayBuffer>> {
  const clean = /\s/.test(text.slice(0, 200)) ? text.replace(/\s+/g, '') : text
  const padding = clean.endsWith('==') ? 2 : clean.endsWith('=') ? 1 : 0
  const bytes = new Uint8Array((clean.length / 4) * 3 - padding)
  let at = 0
  for (let from = 0; from < clean.length; from += CHUNK) {
    const part = atob(clean.slice(from, from + CHUNK))
    for (let i = 0; i < part.length; i++) bytes[at++] = part.charCodeAt(i)
    progress(from / clean.length)
    if (from + CHUNK < clean.length) await pause()
  }
  return bytes
}

async function gunzip(packed: Uint8Array<ArrayBuffer>, progress: (bytes: number) => void): Promise<Uint8Array<ArrayBuffer>> {
  if (packed.length === 0) return new Uint8Array(0)
  const reader = new Blob([packed]).stream().pipeThrough(new DecompressionStream('gzip')).getReader()
  const parts: Uint8Array[] = []
  let size = 0
  for (;;) {
    const {done, value} = await reader.read()
    if (done) break
    parts.push(value)
    size += value.length
    progress(size)
  }
  const whole = new Uint8Array(size)
  let at = 0
  for (const part of parts) {
    whole.set(part, at)
    at += part.length
  }
  return whole
}

function pause(): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, 0))
}

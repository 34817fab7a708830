import type {MapNode} from '../gen/page.ts'
import {counted} from '../lib/format.ts'
import {visible} from '../lib/text.ts'

/** A line of the folded map as text, for the time until the columns are read. */
export interface TextLine {
  readonly depth: number
  readonly name: string
  /** `(line=…)`, or ''. */
  readonly args: string
  readonly result: string
  readonly failure: string
  /** `1,002 calls` that are not shown below the line. */
  readonly folded: string
}

/** The first lines of the map, in order, at most `limit`. */
export function textMap(nodes: readonly MapNode[], limit: number): TextLine[] {
  const lines: TextLine[] = []
  const pending = nodes.map((node) => ({node, depth: 0})).reverse()
  while (pending.length > 0 && lines.length < limit) {
    const {node, depth} = pending.pop()!
    const isFolded = node.children.length === 0 && node.calls_inside > 0
    const brace = node.label.indexOf('(')
    const [name, args] = brace < 0 ? [node.label, ''] : [node.label.slice(0, brace), node.label.slice(brace)]
    lines.push({depth, name: visible(name), args: visible(args), result: visible(node.result), failure: visible(node.failure), folded: isFolded ? counted(node.calls_inside, 'call') : ''})
    for (let at = node.children.length - 1; at >= 0; at--) pending.push({node: node.children[at]!, depth: depth + 1})
  }
  return lines
}

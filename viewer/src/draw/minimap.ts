import type {MapLines} from '../logic/mapline.ts'
import {minimapMarks, type Mark} from '../logic/minimap.ts'

const WIDTH = 36
const COLOURS: Record<Mark['kind'], string> = {bar: '--bar', call: '--ink3', return: '--line', fail: '--fail'}

/** Owns the minimap's canvas: its size in device pixels and its colours. */
export class MinimapCanvas {
  readonly #canvas: HTMLCanvasElement

  constructor(canvas: HTMLCanvasElement) {
    this.#canvas = canvas
  }

  draw(rows: MapLines, columnOf: Uint16Array, columns: number, height: number): void {
    const canvas = this.#canvas
    const ratio = window.devicePixelRatio || 1
    canvas.width = Math.round(WIDTH * ratio)
    canvas.height = Math.max(1, Math.round(height * ratio))
    canvas.style.height = `${height}px`
    const context = canvas.getContext('2d')
    if (context === null) return
    context.scale(ratio, ratio)
    const probe = document.createElement('i')
    canvas.parentElement?.append(probe)
    const colours = new Map(Object.entries(COLOURS).map(([kind, name]) => {
      probe.style.color = `var(${name})`
      return [kind, getComputedStyle(probe).color]
    }))
    probe.remove()
    for (const mark of minimapMarks(rows, columnOf, columns, WIDTH, height)) {
      context.fillStyle = colours.get(mark.kind) ?? ''
      context.fillRect(mark.x, mark.y, mark.width, mark.height)
    }
  }
}

import {useEffect, useRef} from 'preact/hooks'
import {MinimapCanvas} from '../draw/minimap.ts'
import type {MapLines} from '../logic/mapline.ts'

export interface MinimapProps {
  rows: MapLines
  columnOf: Uint16Array
  columns: number
  top: number
  view: number
  onScroll: (top: number) => void
}

/** The whole map in 36 pixels, with the window on it. */
export function Minimap({rows, columnOf, columns, top, view, onScroll}: MinimapProps) {
  const box = useRef<HTMLDivElement>(null)
  const canvas = useRef<HTMLCanvasElement>(null)
  const height = rows.top[rows.length]!
  const room = view + 30
  const scale = Math.min(0.36, room / Math.max(1, height))

  useEffect(() => {
    if (canvas.current === null) return undefined
    const drawing = new MinimapCanvas(canvas.current)
    const draw = () => drawing.draw(rows, columnOf, columns, height * scale)
    draw()
    const dark = window.matchMedia('(prefers-color-scheme: dark)')
    const observer = new MutationObserver(draw)
    observer.observe(document.documentElement, {attributes: true, attributeFilter: ['data-theme']})
    dark.addEventListener('change', draw)
    return () => {
      observer.disconnect()
      dark.removeEventListener('change', draw)
    }
  }, [rows, columnOf, columns, height, scale])

  const go = (event: PointerEvent) => {
    const bounds = box.current?.getBoundingClientRect()
    if (bounds !== undefined) onScroll((event.clientY - bounds.top - 8) / scale - view / 2)
  }
  return (
    <div
      ref={box} class="mini" aria-hidden="true"
      onPointerDown={(event) => {
        event.currentTarget.setPointerCapture(event.pointerId)
        go(event)
      }}
      onPointerMove={(event) => event.buttons === 1 && go(event)}
    >
      <canvas ref={canvas} />
      <div class="win" style={{top: `${8 + top * scale}px`, height: `${Math.min(height - top, view) * scale}px`}} />
    </div>
  )
}

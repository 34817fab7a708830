import {useCallback, useEffect, useLayoutEffect, useRef, useState} from 'preact/hooks'
import type {Tops} from '../logic/rows.ts'
import {boxFor, scrolled, TALLEST, type Scroll} from '../logic/virtual.ts'
import type {Reveal} from '../state/app.ts'
import type {Store} from '../state/store.ts'

export function useStore<T>(store: Store<T>): T {
  const [value, setValue] = useState(store.get)
  useEffect(() => {
    setValue(store.get)
    return store.subscribe(() => setValue(store.get))
  }, [store])
  return value
}

export function useMedia(query: string): boolean {
  const [matches, setMatches] = useState(() => window.matchMedia(query).matches)
  useEffect(() => {
    const list = window.matchMedia(query)
    const change = () => setMatches(list.matches)
    change()
    list.addEventListener('change', change)
    return () => list.removeEventListener('change', change)
  }, [query])
  return matches
}

export interface Scroller {
  readonly ref: {current: HTMLDivElement | null}
  readonly width: number
  /** Height of the window on the rows, without the head. */
  readonly view: number
  readonly scroll: Scroll
  /** Height of the box that the rows need, never so low that the rows under the pointer would move. */
  readonly box: number
  readonly onScroll: () => void
  readonly scrollTo: (top: number) => void
}

/** A scrolled list of rows under a sticky head. */
export function useScroller(height: number, head: number): Scroller {
  const ref = useRef<HTMLDivElement>(null)
  const [size, setSize] = useState({width: 0, height: 0})
  const [scroll, setScroll] = useState<Scroll>({box: 0, rows: 0})
  const view = Math.max(0, size.height - head)
  const forced = useRef<number | null>(null)

  useLayoutEffect(() => {
    const element = ref.current
    if (element === null) return undefined
    const measure = () => setSize({width: element.clientWidth, height: element.clientHeight})
    measure()
    const observer = new ResizeObserver(measure)
    observer.observe(element)
    return () => observer.disconnect()
  }, [])

  const onScroll = useCallback(() => {
    const element = ref.current
    if (element === null) return
    element.style.setProperty('--sx', `${element.scrollLeft}px`)
    const box = element.scrollTop
    const rows = forced.current
    forced.current = null
    setScroll((before) => (rows === null ? scrolled(before, box, height, view) : {box, rows}))
  }, [height, view])

  const scrollTo = useCallback((top: number) => {
    const element = ref.current
    if (element === null) return
    const rows = Math.max(0, Math.min(top, height - view))
    const box = boxFor(rows, height, view)
    if (height > TALLEST) forced.current = rows
    if (Math.round(element.scrollTop) === Math.round(box)) {
      forced.current = null
      setScroll({box: element.scrollTop, rows: height > TALLEST ? rows : element.scrollTop})
    } else element.scrollTop = box
  }, [height, view])

  const box = Math.max(Math.min(height, TALLEST), Math.min(scroll.box + view, TALLEST))
  return {ref, width: size.width, view, scroll, box, onScroll, scrollTo}
}

/** Brings a row into sight when it is asked for. */
export function useReveal(scroller: Scroller, rows: Tops, row: number, reveal: Reveal): void {
  const done = useRef(0)
  const {view, scroll, scrollTo} = scroller
  useLayoutEffect(() => {
    if (done.current === reveal.stamp || view === 0 || row < 0) return
    done.current = reveal.stamp
    const top = rows.top[row]!
    const bottom = rows.top[row + 1]!
    const margin = reveal.how === 'nearest' ? 4 : 24
    if (top >= scroll.rows + margin && bottom <= scroll.rows + view - margin) return
    if (reveal.how === 'centre') scrollTo(top - view / 3)
    else scrollTo(top < scroll.rows + margin ? top - margin : bottom - view + margin)
  })
}

/** Room before and behind the beginning of a label that is brought into sight. */
const [BEFORE, BEHIND] = [220, 260]

/** Brings the label at `x` of a wide map into sight when its row is asked for. */
export function useRevealSideways({ref, width}: Scroller, wide: number, x: number, reveal: Reveal): void {
  const done = useRef(0)
  useLayoutEffect(() => {
    const element = ref.current
    if (element === null || x < 0 || done.current === reveal.stamp) return
    done.current = reveal.stamp
    if (wide > width && (x + BEHIND > element.scrollLeft + width || x - BEFORE < element.scrollLeft)) element.scrollLeft = Math.max(0, x - BEFORE)
  })
}

/** Calls back when the element's focus should go in, and gives it back at the end. */
export function useFocusInside(): {current: HTMLDivElement | null} {
  const ref = useRef<HTMLDivElement>(null)
  useEffect(() => {
    const before = document.activeElement
    ref.current?.focus()
    return () => {
      if (before instanceof HTMLElement) before.focus()
    }
  }, [])
  return ref
}

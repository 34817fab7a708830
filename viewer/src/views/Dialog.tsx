import type {ComponentChildren} from 'preact'
import {useFocusInside} from './hooks.ts'
import {Icon} from './Icon.tsx'

/** Holds the focus while it is open and gives it back. */
export function Dialog({title, wide = false, onClose, children}: {title: string, wide?: boolean, onClose: () => void, children: ComponentChildren}) {
  const ref = useFocusInside()
  return (
    <div class="veil" onClick={(event) => event.target === event.currentTarget && onClose()}>
      <div
        ref={ref} class={wide ? 'dlg wide' : 'dlg'} role="dialog" aria-modal="true" aria-label={title} tabIndex={-1} style={{outline: 0}}
        onKeyDown={(event) => {
          if (event.key !== 'Tab') return
          const stops = [...event.currentTarget.querySelectorAll<HTMLElement>('button, a, input')]
          const edge = event.shiftKey ? stops[0] : stops[stops.length - 1]
          if (document.activeElement !== edge && document.activeElement !== event.currentTarget) return
          event.preventDefault()
          ;(event.shiftKey ? stops[stops.length - 1] : stops[0])?.focus()
        }}
      >
        <h2>{title}</h2>
        <button class="icb close" aria-label="Close" title="Close (Esc)" onClick={onClose}><Icon name="close" /></button>
        {children}
      </div>
    </div>
  )
}

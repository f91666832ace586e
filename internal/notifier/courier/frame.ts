import { escapeHtml } from '../../platform/html.ts'
import { lineOf } from './line.ts'
import type { Letter } from './ports.ts'

/** What a mail is made of. Every text may be a stranger's. */
export type Block =
  | { kind: 'text' | 'title' | 'code' | 'muted'; text: string }
  | { kind: 'facts'; facts: readonly (readonly [name: string, value: string])[] }
  | { kind: 'quote'; by: string; text: string; note: string }
  | { kind: 'heading' | 'button' | 'footer'; text: string; url: string }
  | { kind: 'rule' }

const SUBJECT_MAX = 150

// Colours twice: in place for clients that drop styles, and for the dark by class.
const DARK = `:root{color-scheme:light dark;supported-color-schemes:light dark}
@media (prefers-color-scheme:dark){
.page{background:#16181c!important}.card{background:#1f2227!important;border-color:#343941!important}
.ink{color:#e8eaed!important}.muted{color:#a3abb5!important}.link{color:#8ab4f8!important}
.quote{border-color:#4a515c!important}.rule{border-color:#343941!important}
.button{background:#8ab4f8!important;color:#10131a!important}.code{background:#2b3038!important;color:#e8eaed!important}}`

const FONT = "font-family:system-ui,-apple-system,'Segoe UI',Roboto,Helvetica,Arial,sans-serif"
const INK = 'color:#1c1e21'
const MUTED = 'color:#5f6873;font-size:13px;line-height:19px'

/** Blocks → both parts of a mail, readable where styles are dropped, in the dark, and as plain text. */
export function frame({
  blocks,
  ...letter
}: Omit<Letter, 'text' | 'html'> & { blocks: readonly Block[] }): Letter {
  // What looks like an encoded word is left as it is by the mailer, and decoded by whoever shows it.
  const subject = lineOf(letter.subject, SUBJECT_MAX).replaceAll('=?', '= ?')
  const text = blocks
    .map(textOf)
    .join('\n\n')
    .replaceAll(/\n{3,}/g, '\n\n')
  return { ...letter, subject, text: `${text.trim()}\n`, html: page(subject, blocks.map(htmlOf).join('\n')) }
}

function textOf(block: Block): string {
  switch (block.kind) {
    case 'facts':
      return block.facts.map(([name, value]) => `${name}: ${lineOf(value, 200)}`).join('\n')
    case 'quote':
      return `  ${block.by}${block.note && ` (${block.note})`}${block.text && `: ${block.text}`}`
    case 'heading':
      return `${block.text}\n${block.url}`
    case 'button':
    case 'footer':
      return `${block.text}: ${block.url}`
    case 'rule':
      return '--------'
    default:
      return block.text
  }
}

function htmlOf(block: Block): string {
  switch (block.kind) {
    case 'title':
      return `<h1 class="ink" style="${INK};margin:0 0 14px;font-size:20px;line-height:27px">${user(block.text)}</h1>`
    case 'text':
      return `<p class="ink" style="${INK};margin:0 0 14px">${user(block.text)}</p>`
    case 'muted':
      return `<p class="muted" style="${MUTED};margin:0 0 10px">${user(block.text)}</p>`
    case 'code':
      return `<p class="code" style="${INK};background:#eef1f4;border-radius:8px;margin:0 0 14px;padding:14px;text-align:center;font:700 28px/36px ui-monospace,Menlo,Consolas,monospace;letter-spacing:6px">${escapeHtml(block.text)}</p>`
    case 'facts':
      return `<div style="margin:0 0 14px">${block.facts.map(([name, value]) => fact(name, lineOf(value, 200))).join('\n')}</div>`
    case 'quote':
      return quote(block)
    case 'heading':
      return `<p style="margin:18px 0 8px;font-size:16px;font-weight:600"><a class="link" href="${escapeHtml(block.url)}" style="color:#1858c9;text-decoration:none">${user(block.text)}</a></p>`
    case 'button':
      return `<p style="margin:18px 0"><a class="button" href="${escapeHtml(block.url)}" style="background:#1858c9;color:#ffffff;border-radius:8px;display:inline-block;padding:10px 18px;font-weight:600;text-decoration:none">${user(block.text)}</a></p>`
    case 'footer':
      return `<p class="muted" style="${MUTED};margin:0"><a class="muted" href="${escapeHtml(block.url)}" style="color:#5f6873">${user(block.text)}</a></p>`
    case 'rule':
      return '<hr class="rule" style="border:0;border-top:1px solid #dfe3e8;margin:20px 0 14px">'
  }
}

function fact(name: string, value: string): string {
  return `<p class="ink" style="${INK};margin:0 0 6px"><span class="muted" style="color:#5f6873">${escapeHtml(name)}:</span> ${user(value)}</p>`
}

function quote({ by, text, note }: Extract<Block, { kind: 'quote' }>): string {
  const who = `<b>${user(by)}</b>${note && ` <span class="muted" style="${MUTED}">${escapeHtml(note)}</span>`}`
  const said = text && `<br>${user(text)}`
  return `<div class="ink quote" style="${INK};border-left:3px solid #cfd6de;margin:0 0 10px;padding:0 0 0 12px;overflow-wrap:anywhere">${who}${said}</div>`
}

/** Text of unknown direction, which ends with it. */
function user(text: string): string {
  return `<bdi dir="auto">${escapeHtml(text)}</bdi>`
}

function page(title: string, content: string): string {
  return `<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="color-scheme" content="light dark">
<meta name="supported-color-schemes" content="light dark">
<title>${escapeHtml(title)}</title>
<style>${DARK}</style>
</head>
<body class="page" style="margin:0;padding:0;background:#f2f4f6">
<div class="page" style="background:#f2f4f6;padding:24px 12px;${FONT};font-size:15px;line-height:22px">
<div class="card" style="background:#ffffff;border:1px solid #e3e7ec;border-radius:12px;max-width:560px;margin:0 auto;padding:24px">
${content}
</div>
</div>
</body>
</html>
`
}

/* SPDX-License-Identifier: GPL-2.0-or-later */
/* How the pages look. Colours after Bootstrap Italia (blu Italia #06c), in a light and a dark set,
 * each pair of text and ground at 4.5:1 or more; the system's own fonts; sizes in rem, so that 200
 * % text works; logical sides, so that right-to-left works; no fixed widths, so that 320 px works.
 * Whatever can be touched is at least 44 px high. */
#include "lib/page_internal.h"

/* clang-format off */
const char page_style[] =
":root{color-scheme:light dark;--bg:#f2f5f9;--card:#fff;--ink:#17324d;--soft:#4a6078;--line:#d5dee8;"
"--band:#06c;--band-ink:#fff;--act:#06c;--act-ink:#fff;--press:#004d99;--link:#0059b3;"
"--red:#b3002d;--red-bg:#fdecef;--amber:#8a5200;--amber-bg:#fff5e0;--green:#00704a}"
"@media(prefers-color-scheme:dark){:root{--bg:#0c1722;--card:#142434;--ink:#e9eff6;--soft:#aebdcd;"
"--line:#30465c;--band:#0a3a6b;--act:#6cb6ff;--act-ink:#00203f;--press:#a3d1ff;--link:#8cc6ff;"
"--red:#ff9fb0;--red-bg:#3a1620;--amber:#ffc66b;--amber-bg:#33270f;--green:#5fd6a8}}"
"*{box-sizing:border-box}"
"html{-webkit-text-size-adjust:100%;text-size-adjust:100%}"
"body{margin:0;background:var(--bg);color:var(--ink);font:1rem/1.5 system-ui,-apple-system,'Segoe UI',"
"Roboto,'Noto Sans',sans-serif;overflow-wrap:break-word}"
"h1,h2,h3,h4,p,ul,ol,dl,dd{margin:0}"
"a{color:var(--link);text-underline-offset:.15em}"
":focus-visible{outline:3px solid var(--ink);outline-offset:2px;border-radius:.25rem}"
".w{max-width:40rem;margin-inline:auto;padding-inline:1rem}"
/* the band at the top */
".band{background:var(--band);color:var(--band-ink)}"
".band .w{display:flex;flex-wrap:wrap;align-items:center;justify-content:space-between;column-gap:.75rem;"
"padding-block:.5rem}"
".band a{color:inherit}.band :focus-visible{outline-color:#fff}"
".id{display:flex;align-items:center;gap:.75rem;min-height:3rem;flex:1 1 9rem;text-decoration:none}"
".id svg{flex:none;width:2.25rem;height:2.25rem}"
".id h1,.id .n{font-size:1.25rem;line-height:1.2;font-weight:700;display:block}"
".id .z{display:block;font-size:.9375rem;line-height:1.3}"
".langs{display:flex;flex-wrap:wrap;list-style:none;padding:0}"
".langs a,.langs span{display:flex;align-items:center;min-height:2.75rem;min-width:2.75rem;"
"justify-content:center;padding-inline:.5rem}"
".langs span{font-weight:700}"
/* what there is to do */
"main{display:block;padding-block:1rem 1.5rem}"
"main>*+*{margin-block-start:1rem}"
"main>h1,.hero h1{font-size:1.75rem;line-height:1.2}"
".lead{font-size:1.0625rem}"
"form{margin:0}"
"button,.btn{display:flex;align-items:center;justify-content:center;width:100%;min-height:3.5rem;"
"padding:.5rem 1rem;border:2px solid transparent;border-radius:.5rem;background:var(--act);color:var(--act-ink);"
"font:inherit;font-size:1.25rem;font-weight:700;line-height:1.2;text-align:center;text-decoration:none;"
"cursor:pointer}"
"button:hover,button:active,.btn:hover,.btn:active{background:var(--press)}"
"button.second{background:transparent;color:var(--link);border-color:currentColor;font-size:1.0625rem;"
"min-height:3rem}"
"button.second:hover{background:var(--bg)}"
".fine{font-size:.9375rem;color:var(--soft);margin-block-start:.5rem}"
/* boxes */
".box,details,.notice{background:var(--card);border:1px solid var(--line);border-radius:.5rem}"
".box{padding:1rem}.box>*+*{margin-block-start:.5rem}"
".alert{background:var(--red-bg);border-color:var(--red);border-inline-start-width:.375rem}"
".note{background:var(--amber-bg);border-color:var(--amber);border-inline-start-width:.375rem}"
".alert h2{font-size:1.1875rem;line-height:1.3}.alert .tag{color:var(--red)}"
".alert article+article{margin-block-start:1rem;padding-block-start:1rem;border-block-start:1px solid var(--red)}"
".tag{font-size:.875rem;font-weight:700;display:block}"
".t2{color:var(--amber)}"
/* notices */
".news>h2{font-size:1.125rem;line-height:1.3;margin-block:1.5rem .5rem}"
".news>*+details,.news>*+.notice{margin-block-start:.5rem}"
"summary{display:flex;align-items:center;gap:.75rem;min-height:3.25rem;padding:.5rem 1rem;cursor:pointer;"
"list-style:none}"
"summary::-webkit-details-marker{display:none}"
"summary>span{flex:1;min-width:0}"
"summary::after{content:'';flex:none;width:.625rem;height:.625rem;border:solid var(--link);"
"border-width:0 2px 2px 0;transform:translateY(-.125rem) rotate(45deg)}"
"[open]>summary::after{transform:translateY(.125rem) rotate(225deg)}"
"summary h3,.notice h3,.news .h{font-size:1.0625rem;line-height:1.3;font-weight:600}"
".p2,.p3{border-inline-start:.375rem solid var(--amber)}.p3{border-color:var(--red)}"
".by{display:block;font-size:.875rem;line-height:1.4;color:var(--soft)}"
".notice{padding:.75rem 1rem}.body{padding:0 1rem .75rem}.notice .body{padding:0}"
".body>*,.md>*{margin-block-start:.5rem}"
".md h4,.md h3{font-size:1rem}.md h2{font-size:1.125rem}"
"ul,ol{padding-inline-start:1.25rem}"
"pre{overflow-x:auto;white-space:pre-wrap}blockquote{margin:.5rem 0;padding-inline-start:.75rem;"
"border-inline-start:3px solid var(--line)}"
".more{display:flex;align-items:center;min-height:2.75rem;font-weight:600}"
/* you are online */
".hero{text-align:center;padding-block:.5rem}"
".hero svg{width:4rem;height:4rem;color:var(--green)}"
".big{font-size:1.25rem;font-weight:600}"
"dl{display:grid;gap:.75rem}dt{font-size:.875rem;color:var(--soft)}dd{font-weight:600}"
".legal dt{font-size:1rem;color:inherit;font-weight:700}.legal dd{font-weight:400}"
".legal h2{font-size:1.1875rem;line-height:1.3;margin-block-start:1.25rem}"
"progress{display:block;width:100%;height:.75rem;margin-block-start:.375rem;accent-color:var(--act)}"
".code{font-weight:700;font-variant-numeric:tabular-nums;white-space:nowrap}"
/* the foot */
"footer{border-block-start:1px solid var(--line)}"
"footer .w{padding-block:.5rem 1.5rem}"
"footer ul{display:flex;flex-wrap:wrap;column-gap:1.25rem;list-style:none;padding:0}"
"footer li a,footer li span{display:flex;align-items:center;min-height:2.75rem;min-width:2.75rem}"
"footer .langs{column-gap:.25rem;margin-inline-start:-.5rem}"
"@media(forced-colors:active){button,.btn,progress{border:2px solid}}";

/* A loggia: a roof and three arches. */
const char page_logo[] =
"<svg viewBox=\"0 0 36 36\" aria-hidden=\"true\" focusable=\"false\"><path fill=\"currentColor\" "
"d=\"M18 3 34 11v3H2v-3zM3 16h30v17h-3v-8a3.5 3.5 0 0 0-7 0v8h-1.5v-8a3.5 3.5 0 0 0-7 0v8H13v-8a3.5 "
"3.5 0 0 0-7 0v8H3z\"/></svg>";
/* clang-format on */

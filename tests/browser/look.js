// What is looked at on each page: WCAG 2.1 A and AA by axe-core; nothing to scroll to the side, at
// 320 px and with text twice as large; what can be touched is large enough (WCAG 2.5.5).
'use strict';

const axe = require('axe-core');

const RULES = { runOnly: { type: 'tag', values: ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'best-practice'] } };
const WAYS = [
  { name: '360', width: 360, text: 1, axe: true }, { name: '320', width: 320, text: 1 },
  { name: '320-text-200', width: 320, text: 2, axe: true }, { name: '1280', width: 1280, text: 1 },
  { name: 'dark', width: 360, text: 1, scheme: 'dark', axe: true },
];

async function violations(page) {
  await page.evaluate(axe.source);
  const found = await page.evaluate((rules) => window.axe.run(document, rules), RULES);
  return found.violations.flatMap((v) => v.nodes.map((n) => `${v.id}: ${n.html.slice(0, 160)} (${n.failureSummary})`));
}

async function shape(page, width) {
  return page.evaluate((screen) => {
    const wrong = [];
    const wide = document.documentElement.scrollWidth - screen; // innerWidth grows with what is too wide
    if (wide > 0) wrong.push(`${wide} px wider than the screen`);
    for (const e of document.querySelectorAll('button, .btn, summary, input:not([type=hidden])')) {
      const box = e.getBoundingClientRect();
      if (box.height && box.height < 44) wrong.push(`only ${box.height} px high: ${e.outerHTML.slice(0, 100)}`);
    }
    return wrong;
  }, width);
}

// All that is wrong with the page that is open, in words.
exports.look = async (page, name) => {
  const wrong = [];
  for (const way of WAYS) {
    await page.setViewportSize({ width: way.width, height: 740 });
    await page.emulateMedia({ colorScheme: way.scheme || 'light' });
    await page.evaluate((size) => { document.documentElement.style.fontSize = `${100 * size}%`; }, way.text);
    await page.evaluate(() => document.querySelectorAll('details').forEach((d) => { d.open = true; }));
    const all = [...await shape(page, way.width), ...(way.axe ? await violations(page) : [])];
    wrong.push(...all.map((what) => `${name} at ${way.name}: ${what}`));
  }
  return wrong;
};

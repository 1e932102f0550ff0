// walk.js ADDRESS [noscript]: what a person does in the pop-up, in a browser: it opens ADDRESS (a
// probe's), reads the splash page, taps, is online, leaves. Prints a JSON of what was seen.
'use strict';

const { validate } = require('./audit');
const { launch, phone } = require('./chromium');
const { look } = require('./look');

const heading = (page) => page.locator('h1').first().innerText();

async function seen(page, answer, name, script) {
  const wrong = await validate(name, await answer.text());
  const step = { name, address: page.url(), heading: await heading(page), lang: await page.locator('html').getAttribute('lang') };
  step.wrong = script ? [...wrong, ...await look(page, name)] : wrong;
  await page.setViewportSize({ width: 360, height: 740 });
  return step;
}

async function press(page, action) {
  const [answer] = await Promise.all([
    page.waitForNavigation({ waitUntil: 'load' }), page.locator(`form[action="${action}"] button`).first().click()]);
  return answer;
}

// As a person would: the network changes under the browser when the phone's IPv6 address comes.
async function open(page, address) {
  try {
    return await page.goto(address);
  } catch (e) {
    if (!String(e).includes('ERR_NETWORK_CHANGED')) throw e;
    return page.goto(address);
  }
}

async function main(address, noscript) {
  const browser = await launch();
  const out = { steps: [], requests: [], errors: [] };
  try {
    const page = await (await phone(browser, { javaScriptEnabled: !noscript })).newPage();
    page.on('request', (r) => out.requests.push(r.url()));
    page.on('console', (m) => { if (m.type() === 'error') out.errors.push(m.text()); });
    page.on('pageerror', (e) => out.errors.push(String(e)));
    out.steps.push(await seen(page, await open(page, address), 'splash', !noscript));
    await open(page, page.url()); // as it came, after all that was looked at
    out.steps.push(await seen(page, await press(page, '/join'), 'online', !noscript));
    out.steps.push(await seen(page, await press(page, '/leave'), 'left', !noscript));
  } finally {
    await browser.close();
  }
  console.log(JSON.stringify(out));
}

main(process.argv[2], process.argv[3] === 'noscript').catch((e) => { console.error(e); process.exit(1); });

// editors.js BOARD NAME PASSWORD [noscript]: an editor's road through the noticeboard in a browser: signs in,
// writes in two languages, looks, publishes, withdraws, undoes; and looks at every page there is.
// noscript: scripts are off for the road (for axe, which is one, the page's own script alone is kept away).
'use strict';

const { validate } = require('./audit');
const { launch, phone } = require('./chromium');
const { look } = require('./look');

// A small square beside its words is touched by its words: the label is the target.
const target = (what) => !/only [\d.]+ px high: <input type="(checkbox|radio)"/.test(what);

// Our own files from our own address need no hash; two buttons of one form may have one name.
const style = (what) => !/ (require-sri|form-dup-name): /.test(what);

const PAGES = ['/', '/?show=all', '/?q=strada', '/new', '/emergency', '/templates', '/templates/new', '/services', '/services/new',
  '/counts', '/feeds', '/notice/999999'];

async function signIn(page, board, name, password) {
  await page.goto(`${board}/sign-in?administration=comune`);
  await page.selectOption('select[name=administration]', 'comune');
  await page.fill('input[name=name]', name);
  await page.fill('input[name=password]', password);
  await press(page, 'main form button');
}

async function press(page, selector) {
  await Promise.all([page.waitForNavigation({ waitUntil: 'load' }), page.locator(selector).first().click()]);
}

async function write(page, board, out) {
  await page.goto(`${board}/new`);
  await page.fill('[name="title.it"]', 'Strada chiusa per i lavori');
  await page.fill('[name="text.it"]', 'Via **Roma** è chiusa fino a venerdì.');
  await page.fill('[name="title.en"]', 'Road closed');
  await page.fill('[name="text.en"]', 'Via Roma is closed until Friday.');
  await page.check('[name="zone.duomo"]');
  await page.check('[name=priority][value=service]');
  out.counter = await page.locator('#count-it').innerText();
  await press(page, 'button[value=look]');
  out.sentence = await page.locator('.lead').innerText();
  out.phones = [];
  out.logos = [];
  for (const frame of page.frames().slice(1)) {
    out.phones.push(await frame.locator('main').innerText());
    const logo = frame.locator('img.logo').first();
    out.logos.push([await logo.getAttribute('alt'), await logo.evaluate((i) => i.naturalHeight)]);
  }
  const number = page.url().match(/notice\/(\d+)/)[1];
  await press(page, 'form[action$="/publish"] button');
  out.published = await page.locator('main').innerText();
  await press(page, 'form[action$="/withdraw"] button');
  out.withdrawn = await page.locator('main').innerText();
  await press(page, 'form[action$="/restore"] button');
  out.undone = await page.locator('main').innerText();
  return number;
}

// The addresses that only what is there has: a template, a card, a draft with an error and one with a warning.
async function others(page, board) {
  const found = [];
  for (const [list, link] of [['/templates', /^\/templates\/\d+$/], ['/services', /^\/services\/\d+$/]]) {
    await page.goto(board + list);
    const all = await page.locator('main a').evaluateAll((as) => as.map((a) => a.getAttribute('href')));
    for (const href of all.filter((a) => link.test(a)).slice(0, 1)) found.push(href, `${href}/edit`);
  }
  for (const fields of [{}, { title: 'Con un avviso', zone: true }]) {
    await page.goto(`${board}/new`);
    if (fields.title) await page.fill('[name="title.it"]', fields.title);
    if (fields.zone) await page.check('[name="zone.duomo"]');
    await press(page, 'button[value=look]');
    found.push(new URL(page.url()).pathname);
  }
  if (found.length !== 6) throw new Error(`found only ${found}`);
  return found;
}

// Two clicks at once: whether each of them would not have been sent. (Nothing is: the last listener keeps all of it.)
async function twice(page, board) {
  await page.goto(`${board}/new`);
  return page.evaluate(() => {
    const kept = [];
    addEventListener('submit', (e) => { kept.push(e.defaultPrevented); e.preventDefault(); });
    for (let i = 0; i < 2; i++) document.querySelector('button[value=look]').click();
    return kept;
  });
}

// The sign-in as it comes back: a wrong password, and what was typed when a session had ended.
async function refused(page, board, out, name) {
  await signIn(page, board, 'nessuno', 'sbagliata');
  out.wrong.push(...(await look(page, `${name} a wrong password`)).filter(target));
}

async function audit(page, board, paths, out, name) {
  for (const path of paths) {
    const answer = await page.goto(board + path);
    out.wrong.push(...(await validate(`${name} ${path}`, await answer.text())).filter(style));
    out.wrong.push(...(await look(page, `${name} ${path}`)).filter(target));
    await page.setViewportSize({ width: 360, height: 740 });
  }
}

async function main(board, name, password, noscript) {
  const browser = await launch();
  const out = { wrong: [], errors: [], requests: [] };
  try {
    const context = await phone(browser, { javaScriptEnabled: !noscript });
    const page = await context.newPage();
    page.on('request', (r) => out.requests.push(r.url()));
    page.on('console', (m) => { if (m.type() === 'error') out.errors.push(m.text()); });
    page.on('pageerror', (e) => out.errors.push(String(e)));
    await signIn(page, board, name, password);
    const number = await write(page, board, out);
    const looking = await phone(browser, { storageState: await context.storageState() });
    if (noscript) await looking.route('**/board.js', (route) => route.abort());
    const second = await looking.newPage();
    out.twice = await twice(second, board);
    const mine = [`/notice/${number}`, `/notice/${number}/edit`, ...await others(page, board)];
    await audit(second, board, [...PAGES, ...mine], out, noscript ? 'noscript' : 'script');
    await looking.clearCookies();
    await audit(second, board, ['/sign-in'], out, 'out');
    await refused(second, board, out, noscript ? 'noscript' : 'script');
  } finally {
    await browser.close();
  }
  console.log(JSON.stringify(out));
}

main(...process.argv.slice(2, 5), process.argv[5] === 'noscript').catch((e) => { console.error(e); process.exit(1); });

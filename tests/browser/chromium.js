// One real Chromium, Debian's, without anything that phones home. HOME says which authorities it
// trusts ($HOME/.pki/nssdb, made by the tests), as a phone trusts the world's.
'use strict';

const { chromium } = require('playwright-core');

const ARGS = [
  '--no-sandbox', '--headless', '--disable-gpu', '--disable-quic', '--no-first-run', '--disable-background-networking',
  '--disable-component-update', '--disable-sync', '--disable-default-apps', '--disable-dev-shm-usage',
  '--disable-features=OptimizationHints,MediaRouter,Translate,HttpsUpgrades',
];

exports.launch = () => chromium.launch({
  executablePath: process.env.CHROMIUM || '/usr/bin/chromium', headless: true, args: ARGS, env: process.env,
});

exports.phone = (browser, options = {}) => browser.newContext({
  viewport: { width: 360, height: 740 }, deviceScaleFactor: 2, locale: 'it-IT', isMobile: true, hasTouch: true, ...options,
});

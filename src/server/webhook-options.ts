// The setting of webhooks.

import { yesOrNo } from '../cli/parse.ts';
import { setting } from '../cli/setting.ts';

export const webhookSettings = {
  webhooksInside: setting({
    option: '--webhooks-inside',
    variable: 'SILVERSMITH_WEBHOOKS_INSIDE',
    parse: yesOrNo,
    default: false,
    help: 'let webhooks ask addresses of this host and of private networks too; they are refused otherwise',
  }),
};

import { gcm } from '../addons/gcm';

window.footfall!.use(gcm);

import { tcf } from '../addons/tcf';

window.footfall!.use(tcf);

import { vitals } from '../addons/vitals';

window.footfall!.use(vitals);

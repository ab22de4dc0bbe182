import { auto } from '../auto';

window.footfall!.use(auto);

import { Compare } from './compare';

export default function Page() {
  return (
    <main>
      <h1>How alike are two sentences?</h1>
      <Compare />
    </main>
  );
}

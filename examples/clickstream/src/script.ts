/** A click as somebody made it up; `after` in ms from the start. */
export interface Planned {
  readonly user: string;
  readonly page: string;
  readonly after: number;
}

/** What some users do within some seconds, in the order of time: each makes a few clicks, is away for two seconds or more, and comes back. */
export function script(users: number, seconds: number): readonly Planned[] {
  const visits = Array.from({ length: users }, (_, user) => {
    const clicks: Planned[] = [];
    let after = user * 170;
    for (let i = 0; after < seconds * 1_000; i++) {
      clicks.push({ user: `user-${user}`, page: `/page/${(user + i * i) % 10}`, after });
      after += i % (3 + (user % 3)) === 2 ? 2_000 + user * 130 : 100 + ((user * 37 + i * 211) % 600);
    }
    return clicks;
  });
  return visits.flat().sort((a, b) => a.after - b.after);
}

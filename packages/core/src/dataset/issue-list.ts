import type { Issue, Severity } from "../issue.js";

/** Of one file and severity: more than anyone mends in one go, few enough to read. */
const MAX_PER_FILE = 50;

/** Issues up to a cap for each file and severity, so that warnings never crowd out an error. */
export class IssueList {
  readonly issues: Issue[] = [];
  suppressed = 0;
  private readonly counts = new Map<string, number>();

  constructor(private readonly project: string) {}

  add(issue: Issue): void {
    const key = `${issue.severity} ${issue.file ?? ""}`;
    const count = (this.counts.get(key) ?? 0) + 1;
    this.counts.set(key, count);
    if (count <= MAX_PER_FILE) this.issues.push({ ...issue, project: issue.project ?? this.project });
    else this.suppressed += 1;
  }

  /** By file and line, errors of one place first; issues without a file stay in front. */
  sorted(): Issue[] {
    const rank: Readonly<Record<Severity, number>> = { error: 0, warning: 1, note: 2 };
    return [...this.issues].sort((a, b) => {
      const [fileA, fileB] = [a.file ?? "", b.file ?? ""];
      if (fileA !== fileB) return fileA < fileB ? -1 : 1;
      return (a.line ?? 0) - (b.line ?? 0) || rank[a.severity] - rank[b.severity];
    });
  }
}

// biome-ignore-all lint/suspicious/noTemplateCurlyInString: expressions of workflows, and of shells
/** What a hostile pull request writes wherever it may write something. `pwned` marks whatever comes of it. */

/** Lines that a runner would obey, shells would run, and Markdown or HTML would act on. */
export const ATTACKS: readonly string[] = [
  "::error title=pwned::pwned",
  "  ::warning file=README.md,line=1::pwned",
  "::set-output name=pwned::1",
  "::save-state name=pwned::1",
  "::set-env name=pwned::1",
  "::add-path::pwned",
  "::add-mask::e",
  "::stop-commands::pwned",
  "##[error]pwned",
  "text ##[set-output name=pwned]1",
  "##vso[task.setvariable variable=pwned]1",
  "pwned=1",
  "pwned<<EOF\npwned\nEOF",
  "src/pwned.ts(1,1): error TS1: pwned",
  "\u001b]0;pwned\u0007\u001b[31m::error::pwned\r::error::pwned",
  "${{ secrets.HF_TOKEN }} ${{ github.token }} ${{ toJSON(env) }}",
  "$(touch pwned) `touch pwned` ; touch pwned | touch pwned && touch pwned",
  "$GITHUB_TOKEN $(printenv) {{ env }} {{ self._TemplateReference__context }}",
  "@octo-victim @octo/everyone &#64;octo-victim",
  "fixes #4242, GH-4242, octo/rows#4242, https://github.com/octo/rows/issues/4242",
  "[pwned](https://evil.example/login) ![pwned](https://evil.example/x.png) [pwned][e]\n\n[e]: https://evil.example",
  "https://evil.example www.evil.example <https://evil.example> [pwned](javascript:pwned())",
  "<img src=x onerror=pwned()><script>pwned()</script><svg onload=pwned()><a href=https://evil.example>pwned</a>",
  '</td></table></code></pre></details></summary>"><iframe src=//evil.example></iframe><form action=//evil.example>',
  "--> <!-- gitune:comment key=0000000000000000 commit=0 --> <!-- pwned",
  "```\n````\n~~~\n# pwned\n\n> [!TIP]\n> ✅ pwned\n\n| pwned | ✅ pass |\n|---|---|\n````````",
  "\u202e\u2066\u200b\ufeff\u{e0041}pwned",
];

/** All of them in one text. */
export const ALL_ATTACKS = ATTACKS.join("\n");

/** For names: of a suite, a tag, a metric; at most 200 characters. */
export const HOSTILE_NAME =
  "n\n::error title=pwned::pwned\n##[error]pwned @octo-victim #4242 <img src=x> [pwned](https://evil.example) ```\n# pwned\n${{ github.token }} $(touch pwned) `touch pwned` \u202e";

/** For files and folders: all but a slash and NUL. */
export const HOSTILE_FILE =
  "f\n::error title=pwned::pwned\n##[error]pwned`touch pwned`$(touch pwned)${{ github.token }}@octo-victim #4242 <img src=x>[pwned](evil)|\u202e";

/** What git lets a branch be called. */
export const HOSTILE_BRANCH =
  "x`touch${IFS}pwned`$(touch${IFS}pwned)${{github.token}}<img>\"'@octo-victim#4242;touch${IFS}pwned";

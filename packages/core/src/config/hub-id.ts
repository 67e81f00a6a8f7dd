/** Names on the Hub. */

/**
 * Whether this is the id of a repository, `owner/name`, in the letters that the Hub allows. Without `--` and `..`, which the
 * Hub forbids: the cache's folder of an id is then of this id alone, and stays where it belongs.
 */
export function isHubId(id: string): boolean {
  return /^[A-Za-z0-9_][\w.-]{0,95}\/[A-Za-z0-9_][\w.-]{0,95}$/.test(id) && !/--|\.\.|[.-](?:\/|$)/.test(id);
}

// The certified provider `oidc-provider` with its own sign-in pages for development; whoever signs in as `ann-editor`
// is an editor: the claim is what stands behind the last hyphen.
import { createServer } from "node:http";
import Provider from "oidc-provider";

const [port, redirect] = process.argv.slice(2);
const issuer = `http://127.0.0.1:${port}`;
const provider = new Provider(issuer, {
  clients: [
    {
      client_id: "turnpoint",
      client_secret: "not-a-secret-but-long-enough",
      redirect_uris: [redirect],
    },
  ],
  claims: { openid: ["sub"], profile: ["preferred_username", "turnpoint_role"] },
  conformIdTokenClaims: false,
  pkce: { required: () => true },
  findAccount: (_context, sub) => ({
    accountId: sub,
    claims: () => ({
      sub,
      preferred_username: sub,
      turnpoint_role: sub.slice(sub.lastIndexOf("-") + 1),
    }),
  }),
});
createServer(provider.callback()).listen(Number(port), "127.0.0.1", () => console.log("ready"));

// PostGraphile with a process for each core, as its documentation has it for production, on the tables and under the policies
// that requests have. The context comes from headers, where a real one would check a token: that is in its favour.
import cluster from "node:cluster";
import { createServer } from "node:http";
import { postgraphile } from "postgraphile";
import { PostGraphileAmberPreset } from "postgraphile/presets/amber";
import { makePgService } from "postgraphile/adaptors/pg";
import { grafserv } from "postgraphile/grafserv/node";

const { DATABASE, WORKERS, POOL, PERMISSIONS } = process.env;

if (cluster.isPrimary) {
  let ready = 0;
  cluster.on("message", (_, message) => {
    if (++ready === Number(WORKERS)) console.log(JSON.stringify({ address: `127.0.0.1:${message.port}` }));
  });
  let ending = false;
  cluster.on("exit", () => {
    if (!ending) process.exit(1);
    if (Object.keys(cluster.workers).length === 0) process.exit(0);
  });
  for (let n = 0; n < Number(WORKERS); n++) cluster.fork();
  process.stdin.resume().on("end", () => {
    ending = true;
    for (const worker of Object.values(cluster.workers)) worker.kill("SIGKILL");
  });
} else {
  const pgl = postgraphile({
    extends: [PostGraphileAmberPreset],
    // It would refuse to order by any column that does not lead an index; here every index leads with the workspace.
    disablePlugins: ["PgIndexBehaviorsPlugin"],
    pgServices: [makePgService({ connectionString: DATABASE, schemas: ["public"], poolConfig: { max: Number(POOL) } })],
    grafserv: { graphiql: false, graphqlPath: "/graphql", watch: false },
    grafast: {
      explain: false,
      context({ node }) {
        const { "x-workspace": workspace, "x-actor": actor } = node.req.headers;
        return {
          pgSettings: {
            "app.entered": "1",
            "app.workspace_id": workspace,
            "app.actor_id": actor,
            "app.role": "OWNER",
            "app.permissions": PERMISSIONS,
            "app.job_id": "",
          },
        };
      },
    },
  });
  const server = createServer();
  server.on("error", (error) => {
    console.error(error);
    process.exit(1);
  });
  await pgl.createServ(grafserv).addTo(server);
  // The processes of a cluster get the same free port.
  server.listen(0, "127.0.0.1", () => process.send({ port: server.address().port }));
}

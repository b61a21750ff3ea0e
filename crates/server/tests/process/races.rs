//! R14: of several writers with one etag one wins, the others learn of it; and what many clients do at once is what each of
//! them would have seen alone.

use std::collections::BTreeMap;
use std::sync::{Arc, Barrier};

use serde_json::{Value, json};

use crate::ledger::{Random, seed};
use crate::support::{AS_IS, Client, DATA_LAKE, FLOWS, Inlet, STREAMING, Server, Setup, Start, collect};

const CLIENTS: u64 = 8;
const STEPS: u64 = 120;
const RACERS: usize = 16;
const ROUNDS: usize = 100;

/// What one client has made, as it should be.
#[derive(Default)]
struct Model {
    connections: BTreeMap<String, Made>,
    /// With the connection of each.
    sources: BTreeMap<String, (Made, String)>,
    /// With the source of each.
    flows: BTreeMap<String, (Made, String)>,
    deleted: Vec<(&'static str, String)>,
    /// The inlet of every connection, the deleted ones too.
    inlets: BTreeMap<String, String>,
    /// The connection that every flow was fed from, the deleted ones too.
    homes: BTreeMap<String, String>,
}

#[derive(Clone, Debug)]
struct Made {
    name: String,
    etag: String,
    stale: Option<String>,
    state: &'static str,
}

struct Player {
    client: Client,
    name: String,
    target: String,
    random: Random,
    model: Model,
    made: u64,
}

fn connection(name: &str) -> Value {
    json!({
        "name": name, "connectionSpec": { "id": STREAMING, "version": "1.0" },
        "auth": { "specName": "Streaming Connection", "params": { "dataType": "xdm" } }
    })
}

impl Player {
    fn call(&self, method: &str, path: &str, extra: &[(&str, &str)], body: Option<&Value>) -> (u16, Value) {
        self.client.call(method, &format!("{FLOWS}/{path}"), extra, body)
    }

    /// One of the keys, or nothing.
    fn any(&mut self, keys: Vec<String>) -> Option<String> {
        let index = self.random.below(keys.len().max(1) as u64) as usize;
        keys.into_iter().nth(index)
    }

    fn create(&mut self, collection: &str, body: &mut Value) -> Option<(String, Made)> {
        self.made += 1;
        let name = format!("{} {}", self.name, self.made);
        body["name"] = json!(name);
        let (status, answer) = self.call("POST", collection, &[], Some(body));
        if status != 201 {
            assert_eq!(status, 404, "{answer}");
            return None;
        }
        let etag = answer["etag"].as_str().unwrap().to_owned();
        Some((answer["id"].as_str().unwrap().to_owned(), Made { name, etag, stale: None, state: "enabled" }))
    }

    fn step(&mut self) {
        match self.random.below(12) {
            0 | 1 => {
                let (id, made) = self.create("connections", &mut connection("")).unwrap();
                let (_, found) = self.call("GET", &format!("connections/{id}"), &[], None);
                let inlet = found["items"][0]["auth"]["params"]["inletId"].as_str().unwrap();
                self.model.inlets.insert(id.clone(), inlet.to_owned());
                self.model.connections.insert(id, made);
            }
            2 => {
                let Some(base) = self.any(self.model.connections.keys().cloned().collect()) else { return };
                let mut body = json!({
                    "baseConnectionId": base, "connectionSpec": { "id": STREAMING, "version": "1.0" }
                });
                let (id, made) = self.create("sourceConnections", &mut body).unwrap();
                self.model.sources.insert(id, (made, base));
            }
            3 | 4 => self.create_flow(),
            5 | 6 => self.patch(),
            7 => self.act(),
            8 => self.delete("flows"),
            9 => self.delete("sourceConnections"),
            10 => self.delete("connections"),
            _ => self.look_at_deleted(),
        }
    }

    fn create_flow(&mut self) {
        let Some(source) = self.any(self.model.sources.keys().cloned().collect()) else { return };
        let orphan = !self.model.connections.contains_key(&self.model.sources[&source].1);
        let mut body = json!({
            "flowSpec": { "id": AS_IS, "version": "1.0" },
            "sourceConnectionIds": [source], "targetConnectionIds": [self.target]
        });
        let made = self.create("flows", &mut body);
        assert_eq!(made.is_none(), orphan, "a flow needs its source's connection");
        if let Some((id, made)) = made {
            self.model.homes.insert(id.clone(), self.model.sources[&source].1.clone());
            self.model.flows.insert(id, (made, source));
        }
    }

    fn patch(&mut self) {
        let Some(id) = self.any(self.model.connections.keys().cloned().collect()) else { return };
        let made = self.model.connections[&id].clone();
        self.made += 1;
        let name = format!("{} {}", self.name, self.made);
        let change = json!([{ "op": "replace", "path": "/name", "value": name }]);
        let stale = self.random.below(3) == 0;
        let etag = if stale { made.stale.clone() } else { Some(made.etag.clone()) };
        let Some(etag) = etag else { return };
        let path = format!("connections/{id}");
        let (status, answer) = self.call("PATCH", &path, &[("if-match", &etag)], Some(&change));
        assert_eq!(status, if stale { 412 } else { 200 }, "{answer}");
        if !stale {
            let etag = answer["etag"].as_str().unwrap().to_owned();
            let changed = Made { name, etag, stale: Some(made.etag), state: made.state };
            self.model.connections.insert(id, changed);
        }
    }

    fn act(&mut self) {
        let Some(id) = self.any(self.model.flows.keys().cloned().collect()) else { return };
        let (op, state) =
            if self.random.below(2) == 0 { ("enable", "enabled") } else { ("disable", "disabled") };
        let (status, answer) = self.call("POST", &format!("flows/{id}/action?op={op}"), &[], None);
        assert_eq!(status, 200, "{answer}");
        let (made, _) = self.model.flows.get_mut(&id).unwrap();
        made.state = state;
        made.etag = answer["etag"].as_str().unwrap().to_owned();
    }

    fn delete(&mut self, collection: &'static str) {
        let keys = match collection {
            "flows" => self.model.flows.keys().cloned().collect(),
            "sourceConnections" => self.model.sources.keys().cloned().collect(),
            _ => self.model.connections.keys().cloned().collect::<Vec<_>>(),
        };
        let Some(id) = self.any(keys) else { return };
        let flows = &self.model.flows;
        let used = match collection {
            "flows" => false,
            "sourceConnections" => flows.values().any(|(_, source)| *source == id),
            _ => flows.values().any(|(_, source)| self.model.sources[source].1 == id),
        };
        let (status, answer) = self.call("DELETE", &format!("{collection}/{id}"), &[], None);
        assert_eq!(status, if used { 400 } else { 204 }, "{collection} {answer}");
        if used {
            return;
        }
        match collection {
            "flows" => drop(self.model.flows.remove(&id)),
            "sourceConnections" => drop(self.model.sources.remove(&id)),
            _ => drop(self.model.connections.remove(&id)),
        }
        self.model.deleted.push((collection, id));
    }

    fn look_at_deleted(&mut self) {
        let index = self.random.below(self.model.deleted.len().max(1) as u64) as usize;
        let Some((collection, id)) = self.model.deleted.get(index).cloned() else { return };
        for method in ["GET", "DELETE"] {
            let (status, answer) = self.call(method, &format!("{collection}/{id}"), &[], None);
            assert_eq!(status, 404, "{answer}");
        }
    }

    /// Every flow takes a record, or refuses it, as it should.
    fn try_flows(&self, server: &Server, setup: &Setup) {
        for (flow, connection) in &self.model.homes {
            let inlet = &self.model.inlets[connection];
            let url = format!("{}/collection/{inlet}", server.url());
            let inlet = Inlet { connection: connection.clone(), id: inlet.clone(), url, flow: flow.clone() };
            let entity = json!({ "_id": flow });
            let message = setup.message(&self.client, &inlet, entity).to_string();
            let (status, answer) = collect(&inlet.url, &[], message.as_bytes());
            let expected = match self.model.flows.get(flow).map(|(made, _)| made.state) {
                Some("enabled") => 200,
                _ if self.model.connections.contains_key(connection) => 400,
                _ => 404,
            };
            assert_eq!(status, expected, "{answer}");
        }
    }

    /// Everything is as it should be, one by one and in lists.
    fn compare(&self) {
        let connections = self.model.connections.iter().map(|(id, made)| ("connections", id, made));
        let sources = self.model.sources.iter().map(|(id, (made, _))| ("sourceConnections", id, made));
        let flows = self.model.flows.iter().map(|(id, (made, _))| ("flows", id, made));
        for (collection, id, made) in connections.chain(sources).chain(flows) {
            let (status, found) = self.call("GET", &format!("{collection}/{id}"), &[], None);
            let item = &found["items"][0];
            assert_eq!(status, 200, "{found}");
            assert_eq!(
                (&item["name"], &item["state"], &item["etag"]),
                (&json!(made.name), &json!(made.state), &json!(made.etag)),
                "{collection}"
            );
            let name = made.name.replace(' ', "%20");
            let listed =
                self.call("GET", &format!("{collection}?property=name==%22{name}%22&count=true"), &[], None);
            assert_eq!(listed, (200, json!({ "count": 1 })), "{collection} {name}");
        }
    }
}

/// The plan that the changes left one by one is the one that a start compiles.
#[test]
fn r14_many_clients_agree_with_a_model() {
    let (server, home) = Server::start();
    let client = server.client();
    let setup = Setup::profile(&client, server.tenant(), "Races");
    let target = client.post(
        &format!("{FLOWS}/targetConnections"),
        &json!({
            "name": "target", "connectionSpec": { "id": DATA_LAKE, "version": "1.0" },
            "data": { "format": "parquet_xdm" }, "params": { "dataSetId": setup.dataset }
        }),
    );
    let target = target["id"].as_str().unwrap();
    let seed = seed();
    let players: Vec<Player> = std::thread::scope(|scope| {
        let played = (0..CLIENTS).map(|number| {
            let mut player = Player {
                client: client.clone(),
                name: format!("client {number}"),
                target: target.to_owned(),
                random: Random(seed.wrapping_add(number.wrapping_mul(0x9e37_79b9)) | 1),
                model: Model::default(),
                made: 0,
            };
            scope.spawn(move || {
                for _ in 0..STEPS {
                    player.step();
                }
                player.compare();
                player
            })
        });
        played.collect::<Vec<_>>().into_iter().map(|player| player.join().unwrap()).collect()
    });
    let tried: usize = players.iter().map(|player| player.model.homes.len()).sum();
    assert!(tried > 0, "no client made a flow");
    players.iter().for_each(|player| player.try_flows(&server, &setup));
    server.kill();
    let server = Start::on(home.path()).ready();
    players.iter().for_each(|player| player.try_flows(&server, &setup));
}

#[test]
fn r14_one_of_many_writers_wins() {
    let (server, _home) = Server::start();
    let client = server.client();
    let made = client.post(&format!("{FLOWS}/connections"), &connection("raced for"));
    let path = format!("{FLOWS}/connections/{}", made["id"].as_str().unwrap());
    let mut etag = made["etag"].as_str().unwrap().to_owned();
    for round in 0..ROUNDS {
        let barrier = Arc::new(Barrier::new(RACERS));
        let racers: Vec<_> = (0..RACERS)
            .map(|racer| {
                let (client, path, etag, barrier) =
                    (client.clone(), path.clone(), etag.clone(), barrier.clone());
                std::thread::spawn(move || {
                    let change =
                        json!([{ "op": "replace", "path": "/name", "value": format!("{round} {racer}") }]);
                    barrier.wait();
                    client.call("PATCH", &path, &[("if-match", &etag)], Some(&change))
                })
            })
            .collect();
        let answers: Vec<_> = racers.into_iter().map(|racer| racer.join().unwrap()).collect();
        let winners: Vec<_> = (0..RACERS).filter(|racer| answers[*racer].0 == 200).collect();
        assert_eq!(winners.len(), 1, "round {round}: {answers:?}");
        assert!(answers.iter().all(|(status, _)| [200, 412].contains(status)), "{answers:?}");
        let found = client.get(&path);
        assert_eq!(found["items"][0]["name"], format!("{round} {}", winners[0]));
        etag = found["items"][0]["etag"].as_str().unwrap().to_owned();
        assert_eq!(answers[winners[0]].1["etag"], etag);
    }
}

//! A TCP proxy that injects faults between the server and one of the parts that it depends on.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use footnote::supervisor::{self, AbortOnDrop};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::tcp::{OwnedReadHalf, OwnedWriteHalf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;

/// What the proxy does to every connection, those that are open included.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    /// Passes everything on.
    None,
    /// Passes everything on after a while.
    Delay(Duration),
    /// Passes one byte on at a time, after a while each.
    Trickle(Duration),
    /// Accepts connections and passes nothing on.
    Silence,
    /// Closes connections in order (FIN).
    Cut,
    /// Breaks connections off (RST).
    Reset,
}

/// A proxy in front of an address, on a port of its own; ends when it is dropped.
pub struct FaultProxy {
    address: SocketAddr,
    fault: watch::Sender<Fault>,
    _task: AbortOnDrop<()>,
}

impl FaultProxy {
    /// In front of `host:port`.
    pub async fn before(target: impl Into<String>) -> Self {
        let target: Arc<str> = target.into().into();
        let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
        let address = listener.local_addr().expect("an address");
        let fault = watch::Sender::new(Fault::None);
        let receiver = fault.subscribe();
        let task = supervisor::spawn("fault proxy", async move {
            while let Ok((client, _)) = listener.accept().await {
                supervisor::spawn("proxied connection", carry(client, target.clone(), receiver.clone()));
            }
        });
        Self { address, fault, _task: task.abort_on_drop() }
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.address
    }

    /// From now on this happens, to open connections too.
    pub fn set(&self, fault: Fault) {
        self.fault.send_replace(fault);
    }
}

async fn carry(client: TcpStream, target: Arc<str>, fault: watch::Receiver<Fault>) {
    match *fault.borrow() {
        Fault::Cut => return,
        Fault::Reset => return reset(&client),
        _ => {}
    }
    let Ok(server) = TcpStream::connect(&*target).await else { return };
    let (from_client, to_client) = client.into_split();
    let (from_server, to_server) = server.into_split();
    let mut broken = fault.clone();
    tokio::select! {
        () = pump(from_client, to_server, fault.clone()) => {}
        () = pump(from_server, to_client, fault) => {}
        // Dropping the halves closes them; a reset is asked for by whoever holds the socket.
        _ = broken.wait_for(|fault| matches!(fault, Fault::Cut | Fault::Reset)) => {}
    }
}

/// Makes closing break the connection off instead of ending it in order.
fn reset(stream: &TcpStream) {
    let _ = stream.set_zero_linger();
}

async fn pump(mut from: OwnedReadHalf, mut to: OwnedWriteHalf, mut fault: watch::Receiver<Fault>) {
    let mut buffer = vec![0; 16 * 1024];
    loop {
        let Ok(count @ 1..) = from.read(&mut buffer).await else { return };
        let now = *fault.borrow_and_update();
        match now {
            Fault::Delay(pause) => tokio::time::sleep(pause).await,
            Fault::Silence => {
                let _ = fault.wait_for(|fault| *fault != Fault::Silence).await;
            }
            Fault::Reset => {
                reset(to.as_ref());
                return;
            }
            _ => {}
        }
        if let Fault::Trickle(pause) = now {
            for byte in &buffer[..count] {
                tokio::time::sleep(pause).await;
                if to.write_all(&[*byte]).await.is_err() {
                    return;
                }
            }
        } else if to.write_all(&buffer[..count]).await.is_err() {
            return;
        }
    }
}

#[tokio::test]
async fn the_fault_proxy_does_what_it_says() {
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let target = listener.local_addr().expect("an address").to_string();
    let _echo = supervisor::spawn("echo", async move {
        while let Ok((mut stream, _)) = listener.accept().await {
            supervisor::spawn("echoed connection", async move {
                let (mut from, mut to) = stream.split();
                let _ = tokio::io::copy(&mut from, &mut to).await;
            });
        }
    })
    .abort_on_drop();
    let proxy = FaultProxy::before(target).await;
    let patience = Duration::from_millis(300);
    let say = async |stream: &mut TcpStream| {
        stream.write_all(b"ab").await?;
        let mut answer = [0; 2];
        stream.read_exact(&mut answer).await.map(|_| answer)
    };
    let mut stream = TcpStream::connect(proxy.address()).await.expect("a connection");
    assert_eq!(say(&mut stream).await.expect("an answer"), *b"ab");
    for slow in [Fault::Delay(Duration::from_millis(20)), Fault::Trickle(Duration::from_millis(10))] {
        proxy.set(slow);
        assert_eq!(say(&mut stream).await.expect("a late answer"), *b"ab", "{slow:?}");
    }
    proxy.set(Fault::Silence);
    assert!(tokio::time::timeout(patience, say(&mut stream)).await.is_err(), "nothing comes");
    proxy.set(Fault::Cut);
    assert!(say(&mut stream).await.is_err(), "the connection has ended");
    for broken in [Fault::Cut, Fault::Reset] {
        proxy.set(broken);
        let mut stream = TcpStream::connect(proxy.address()).await.expect("it accepts");
        assert!(say(&mut stream).await.is_err(), "{broken:?}");
    }
    proxy.set(Fault::None);
    let mut stream = TcpStream::connect(proxy.address()).await.expect("a connection");
    assert_eq!(say(&mut stream).await.expect("an answer"), *b"ab");
}

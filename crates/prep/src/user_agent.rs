//! What a user-agent string tells: operating system, browser, device class.
//!
//! The words are those of Yauaa, the analyser that the vendor uses: its classes of devices, `Unknown`, `??`. The facts are
//! tables of our own, which know the common browsers, systems, devices and robots; of the rest the first product named
//! is the agent. Where a table is ordered, the first entry that fits counts.

/// How much of a text is looked at.
const BYTES_MAX: usize = 2048;

const UNKNOWN: &str = "Unknown";
const NO_VERSION: &str = "??";
const HACKER: &str = "Hacker";

/// What was found out.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Agent {
    pub(crate) os: &'static str,
    pub(crate) os_version: String,
    pub(crate) name: String,
    pub(crate) version: String,
    pub(crate) device_class: &'static str,
}

/// Parts of a text that only an attack has.
const ATTACKS: &[&str] = &["<script", "${jndi:", "../../", "' or ", "union select", "() {"];

/// Ends of the names of robots.
const ROBOTS: &[&str] =
    &["bot", "crawler", "spider", "slurp", "externalhit", "mediapartners-google", "bingpreview"];

/// Programs that fetch on behalf of programs, as they name themselves.
const TOOLS: &[&str] = &[
    "curl",
    "wget",
    "python-requests",
    "python-urllib",
    "go-http-client",
    "apache-httpclient",
    "postmanruntime",
    "libwww-perl",
    "headlesschrome",
    "java",
];

/// How an operating system is named in the text, and what it is called. The version follows the text.
const SYSTEMS: &[(&str, &str)] = &[
    ("Windows Phone OS ", "Windows Phone"),
    ("Windows Phone ", "Windows Phone"),
    ("Windows NT ", "Windows NT"),
    ("Windows CE", "Windows CE"),
    ("KAIOS/", "KaiOS"),
    ("Tizen ", "Tizen"),
    ("Tizen/", "Tizen"),
    ("Web0S", "WebOS"),
    ("CrKey", "Chromecast"),
    ("Android", "Android"),
    ("iPhone OS ", "iOS"),
    ("CPU OS ", "iOS"),
    ("iPhone", "iOS"),
    ("iPad", "iOS"),
    ("Watch OS/", "watchOS"),
    ("Mac OS X ", "Mac OS"),
    ("Macintosh", "Mac OS"),
    ("CrOS ", "Chrome OS"),
    ("PlayStation ", "Playstation"),
    ("Nintendo ", "Nintendo"),
    ("BB10", "BlackBerry"),
    ("Ubuntu", "Ubuntu"),
    ("Fedora", "Fedora"),
    ("FreeBSD", "FreeBSD"),
    ("OpenBSD", "OpenBSD"),
    ("Linux", "Linux"),
];

/// The versions of Windows by their inner numbers.
const WINDOWS: &[(&str, &str)] = &[
    ("5.0", "2000"),
    ("5.1", "XP"),
    ("5.2", "XP x64 Edition"),
    ("6.0", "Vista"),
    ("6.1", "7"),
    ("6.2", "8"),
    ("6.3", "8.1"),
];

/// The product that tells the agent, and the agent's name.
const AGENTS: &[(&str, &str)] = &[
    ("Edg", "Edge"),
    ("EdgA", "Edge"),
    ("EdgiOS", "Edge"),
    ("Edge", "Edge"),
    ("OPR", "Opera"),
    ("OPiOS", "Opera"),
    ("OPT", "Opera Touch"),
    ("SamsungBrowser", "SamsungBrowser"),
    ("YaBrowser", "Yandex Browser"),
    ("UCBrowser", "UCBrowser"),
    ("MiuiBrowser", "MiuiBrowser"),
    ("HuaweiBrowser", "HuaweiBrowser"),
    ("OculusBrowser", "OculusBrowser"),
    ("Vivaldi", "Vivaldi"),
    ("Silk", "Amazon Silk"),
    ("DuckDuckGo", "DuckDuckGo"),
    ("Instagram", "Instagram"),
    ("GSA", "Google App"),
    ("FxiOS", "Firefox"),
    ("CriOS", "Chrome"),
    ("SeaMonkey", "SeaMonkey"),
    ("PaleMoon", "PaleMoon"),
    ("Thunderbird", "Thunderbird"),
    ("Electron", "Electron"),
    ("Chromium", "Chromium"),
    ("Chrome", "Chrome"),
    ("Firefox", "Firefox"),
];

/// A part of the text and the class of devices that have it.
const DEVICES: &[(&str, &str)] = &[
    ("PlayStation Vita", "Handheld Game Console"),
    ("PlayStation Portable", "Handheld Game Console"),
    ("Nintendo 3DS", "Handheld Game Console"),
    ("PlayStation", "Game Console"),
    ("Nintendo", "Game Console"),
    ("Xbox", "Game Console"),
    ("HoloLens", "Augmented Reality"),
    ("OculusBrowser", "Virtual Reality"),
    ("CrKey", "Set-top box"),
    ("AppleTV", "Set-top box"),
    ("Apple TV", "Set-top box"),
    ("Roku", "Set-top box"),
    ("; AFT", "Set-top box"),
    ("SMART-TV", "TV"),
    ("SmartTV", "TV"),
    ("Android TV", "TV"),
    ("GoogleTV", "TV"),
    ("BRAVIA", "TV"),
    ("HbbTV", "TV"),
    ("NetCast", "TV"),
    ("Web0S", "TV"),
    ("Watch OS", "Watch"),
    ("Apple Watch", "Watch"),
    ("; SM-R", "Watch"),
    ("Alexa", "Voice"),
    ("FamilyHub", "Home Appliance"),
    ("Tesla", "Car"),
    ("QtCarBrowser", "Car"),
    ("Kindle/", "eReader"),
    ("Kobo", "eReader"),
    ("iPad", "Tablet"),
    ("iPhone", "Phone"),
    ("iPod", "Phone"),
    ("Windows Phone", "Phone"),
    ("KAIOS/", "Phone"),
    ("BB10", "Phone"),
    ("Tablet", "Tablet"),
];

impl Agent {
    /// Reads a user-agent string.
    pub(crate) fn parse(text: &str) -> Self {
        let text = text.trim();
        let text = &text[..text.floor_char_boundary(BYTES_MAX)];
        let lower = text.to_ascii_lowercase();
        if ATTACKS.iter().any(|attack| lower.contains(attack)) {
            let word = || HACKER.to_owned();
            return Self {
                os: HACKER,
                os_version: word(),
                name: word(),
                version: word(),
                device_class: HACKER,
            };
        }
        if let Some((name, version)) = robot(text) {
            let device_class = if text.contains("Mobile") { "Robot Mobile" } else { "Robot" };
            return Self { os: "Cloud", os_version: NO_VERSION.to_owned(), name, version, device_class };
        }
        let (os, os_version) = system(text);
        let (name, version) = agent(text, os);
        Self { os, os_version, name, version, device_class: device_class(text, os) }
    }

    pub(crate) fn os_name_version(&self) -> String {
        joined(self.os_family(), &self.os_version)
    }

    pub(crate) fn os_name_version_major(&self) -> String {
        let major = match self.os {
            // Its tenth version was ten years of versions.
            "Mac OS" if self.os_version.starts_with("10.") => {
                self.os_version.splitn(3, '.').take(2).collect::<Vec<_>>().join(".")
            }
            "Windows NT" if self.os_version == "8.1" => self.os_version.clone(),
            _ => major(&self.os_version).to_owned(),
        };
        joined(self.os_family(), &major)
    }

    pub(crate) fn name_version_major(&self) -> String {
        joined(&self.name, major(&self.version))
    }

    fn os_family(&self) -> &'static str {
        if matches!(self.os, "Windows NT" | "Windows CE") { "Windows" } else { self.os }
    }
}

fn major(version: &str) -> &str {
    version.split('.').next().unwrap_or(version)
}

fn joined(name: &str, version: &str) -> String {
    if name == version { name.to_owned() } else { format!("{name} {version}") }
}

/// Everything of the form `name/version`, inside brackets and out.
fn products(text: &str) -> impl Iterator<Item = (&str, &str)> {
    text.split(|c: char| c.is_whitespace() || matches!(c, '(' | ')' | ';' | ',' | '[' | ']'))
        .filter(|part| !part.contains("://"))
        .filter_map(|part| part.split_once('/'))
        .filter(|(name, _)| !name.is_empty())
}

fn version_of<'t>(text: &'t str, product: &str) -> Option<&'t str> {
    products(text).find(|(name, _)| *name == product).map(|(_, version)| version)
}

/// The name and version of a robot, or of a program that is no browser.
fn robot(text: &str) -> Option<(String, String)> {
    let is_robot = |name: &str| {
        let name = name.to_ascii_lowercase();
        // One maker of phones ends in the same letters.
        TOOLS.contains(&name.as_str()) || (name != "cubot" && ROBOTS.iter().any(|end| name.ends_with(end)))
    };
    if let Some((name, version)) = products(text).find(|(name, _)| is_robot(name)) {
        return Some((capital(name), known(version)));
    }
    let words = text.split(|c: char| c.is_whitespace() || matches!(c, '(' | ')' | ';' | ','));
    let name = words.into_iter().find(|word| !word.contains(['/', ':', '@']) && is_robot(word))?;
    (name != "java").then(|| (capital(name), NO_VERSION.to_owned()))
}

fn capital(name: &str) -> String {
    let mut chars = name.chars();
    chars.next().map(|first| first.to_ascii_uppercase().to_string() + chars.as_str()).unwrap_or_default()
}

fn known(version: &str) -> String {
    if version.is_empty() { NO_VERSION.to_owned() } else { version.to_owned() }
}

/// Digits with dots or underscores at the start of a text, with dots.
fn number(text: &str) -> Option<String> {
    let end = text.find(|c: char| !c.is_ascii_digit() && c != '.' && c != '_').unwrap_or(text.len());
    let digits = text[..end].trim_matches(['.', '_']);
    (!digits.is_empty()).then(|| digits.replace('_', "."))
}

fn system(text: &str) -> (&'static str, String) {
    let found =
        SYSTEMS.iter().find_map(|(sign, name)| text.find(sign).map(|at| (*name, &text[at + sign.len()..])));
    let Some((name, rest)) = found else {
        return (UNKNOWN, NO_VERSION.to_owned());
    };
    let rest = rest.trim_start_matches([' ', '/', '-']);
    let version = match name {
        "Windows NT" => number(rest).map(|inner| {
            WINDOWS.iter().find(|(number, _)| *number == inner).map_or(inner, |(_, name)| (*name).to_owned())
        }),
        "Windows CE" => Some("CE".to_owned()),
        // The architecture stands before the version: `CrOS x86_64 14541.0.0`.
        "Chrome OS" => rest.split_whitespace().nth(1).and_then(number),
        "Linux" | "Chromecast" | "Nintendo" => None,
        _ => number(rest),
    };
    (name, version.unwrap_or_else(|| NO_VERSION.to_owned()))
}

fn agent(text: &str, os: &str) -> (String, String) {
    let named = |name: &str, version: &str| (name.to_owned(), known(version));
    if let Some(at) = text.find("IEMobile/") {
        return ("IE Mobile".to_owned(), number(&text[at + 9..]).unwrap_or_else(|| NO_VERSION.to_owned()));
    }
    if let Some(version) = text.find("MSIE ").and_then(|at| number(&text[at + 5..])) {
        return ("Internet Explorer".to_owned(), version);
    }
    if text.contains("Trident/7.0")
        && let Some(version) = text.find("rv:").and_then(|at| number(&text[at + 3..]))
    {
        return ("Internet Explorer".to_owned(), version);
    }
    if let Some(version) = version_of(text, "Opera") {
        return named("Opera", version_of(text, "Version").unwrap_or(version));
    }
    for (product, name) in AGENTS {
        if let Some(version) = version_of(text, product) {
            let webview =
                *product == "Chrome" && (text.contains("; wv)") || version_of(text, "Version").is_some());
            return named(if webview { "Chrome Webview" } else { name }, version);
        }
    }
    match (version_of(text, "Version"), version_of(text, "Safari"), version_of(text, "AppleWebKit")) {
        (Some(version), Some(_), _) if os == "Android" => return named("Stock Browser", version),
        (Some(version), _, Some(_)) => return named("Safari", version),
        (None, None, Some(version)) if os == "iOS" => return named("UIWebView", version),
        _ => {}
    }
    let other = |name: &str| {
        !matches!(name, "Mozilla" | "AppleWebKit" | "Safari" | "Gecko" | "Mobile" | "Dalvik" | "Build")
    };
    match products(text).find(|(name, _)| other(name)) {
        Some((name, version)) => (capital(name), known(version)),
        None => named(UNKNOWN, ""),
    }
}

fn device_class(text: &str, os: &str) -> &'static str {
    if let Some((_, class)) = DEVICES.iter().find(|(sign, _)| text.contains(sign)) {
        // A laptop with a touch screen is one all the same.
        return if os == "Windows NT" && *class == "Tablet" { "Desktop" } else { class };
    }
    let mobile = text.contains("Mobile") || text.contains("Mobi/");
    match os {
        "Android" if mobile => "Phone",
        "Android" => "Tablet",
        "Windows CE" => "Mobile",
        "Windows NT" | "Mac OS" | "Chrome OS" | "Ubuntu" | "Fedora" | "FreeBSD" | "OpenBSD" => "Desktop",
        _ if mobile || text.contains("BlackBerry") => "Mobile",
        "Linux" => "Desktop",
        _ => UNKNOWN,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Operating system with version, agent with version, class.
    #[track_caller]
    fn check(text: &str, os: &str, agent: &str, class: &str) {
        let found = Agent::parse(text);
        let about =
            (found.os_name_version(), format!("{} {}", found.name, found.version), found.device_class);
        assert_eq!(about, (os.to_owned(), agent.to_owned(), class), "{text}");
    }

    #[test]
    fn desktops() {
        let webkit = "AppleWebKit/537.36 (KHTML, like Gecko)";
        let windows = "Mozilla/5.0 (Windows NT 10.0; Win64; x64)";
        check(
            &format!("{windows} {webkit} Chrome/120.0.6099.130 Safari/537.36"),
            "Windows 10.0",
            "Chrome 120.0.6099.130",
            "Desktop",
        );
        check(
            &format!("{windows} {webkit} Chrome/120.0.0.0 Safari/537.36 Edg/120.0.2210.91"),
            "Windows 10.0",
            "Edge 120.0.2210.91",
            "Desktop",
        );
        check(
            "Mozilla/5.0 (Windows NT 6.1; WOW64; Trident/7.0; rv:11.0) like Gecko",
            "Windows 7",
            "Internet Explorer 11.0",
            "Desktop",
        );
        check(
            "Mozilla/4.0 (compatible; MSIE 8.0; Windows NT 5.1)",
            "Windows XP",
            "Internet Explorer 8.0",
            "Desktop",
        );
        check(
            "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/605.1.15 (KHTML, like Gecko) Version/17.2 Safari/605.1.15",
            "Mac OS 10.15.7",
            "Safari 17.2",
            "Desktop",
        );
        check(
            "Mozilla/5.0 (X11; Ubuntu; Linux x86_64; rv:121.0) Gecko/20100101 Firefox/121.0",
            "Ubuntu ??",
            "Firefox 121.0",
            "Desktop",
        );
        check(
            &format!("Mozilla/5.0 (X11; Linux x86_64) {webkit} Chrome/83.0.4103.97 Safari/537.36 OPR/70.0"),
            "Linux ??",
            "Opera 70.0",
            "Desktop",
        );
        check(
            &format!("Mozilla/5.0 (X11; CrOS x86_64 14541.0.0) {webkit} Chrome/119.0.0.0 Safari/537.36"),
            "Chrome OS 14541.0.0",
            "Chrome 119.0.0.0",
            "Desktop",
        );
    }

    #[test]
    fn phones_and_tablets() {
        let chrome = "AppleWebKit/537.36 (KHTML, like Gecko) Chrome/121.0 Mobile Safari/537.36";
        check(
            &format!("Mozilla/5.0 (Linux; Android 14.0.2; SM-S911B) {chrome}"),
            "Android 14.0.2",
            "Chrome 121.0",
            "Phone",
        );
        check(
            "Mozilla/5.0 (Linux; Android 9; SM-T510) AppleWebKit/537.36 (KHTML, like Gecko) SamsungBrowser/9.2 Chrome/67.0 Safari/537.36",
            "Android 9",
            "SamsungBrowser 9.2",
            "Tablet",
        );
        check(
            &format!("Mozilla/5.0 (Linux; Android 13; Pixel 7; wv) {chrome}"),
            "Android 13",
            "Chrome Webview 121.0",
            "Phone",
        );
        check(
            "Mozilla/5.0 (Android 13; Mobile; rv:109.0) Gecko/118.0 Firefox/118.0",
            "Android 13",
            "Firefox 118.0",
            "Phone",
        );
        check(
            "Mozilla/5.0 (Android; Tablet; rv:40.0) Gecko/40.0 Firefox/40.0",
            "Android ??",
            "Firefox 40.0",
            "Tablet",
        );
        let ios = "AppleWebKit/602.4.6 (KHTML, like Gecko)";
        check(
            &format!(
                "Mozilla/5.0 (iPad; CPU OS 10_2_1 like Mac OS X) {ios} Version/10.0 Mobile/14D27 Safari/602.1"
            ),
            "iOS 10.2.1",
            "Safari 10.0",
            "Tablet",
        );
        check(
            &format!(
                "Mozilla/5.0 (iPhone; CPU iPhone OS 17_1 like Mac OS X) {ios} CriOS/119.0 Mobile/15E148 Safari/604.1"
            ),
            "iOS 17.1",
            "Chrome 119.0",
            "Phone",
        );
        check(
            "Mozilla/5.0 (iPad; CPU OS 6_0_1 like Mac OS X) AppleWebKit/536.26 (KHTML, like Gecko) Mobile/10A523",
            "iOS 6.0.1",
            "UIWebView 536.26",
            "Tablet",
        );
        check(
            "Mozilla/5.0 (compatible; MSIE 9.0; Windows Phone OS 7.5; Trident/5.0; IEMobile/9.0)",
            "Windows Phone 7.5",
            "IE Mobile 9.0",
            "Phone",
        );
        check(
            "Dalvik/2.0.0 (Linux; U; Android 4.4.4; Nexus 5 Build/KTU84P) evme/2.0",
            "Android 4.4.4",
            "Evme 2.0",
            "Tablet",
        );
    }

    #[test]
    fn other_devices() {
        check(
            "Mozilla/5.0 (PlayStation 4 5.05) AppleWebKit/601.2 (KHTML, like Gecko)",
            "Playstation 4",
            "Unknown ??",
            "Game Console",
        );
        check("Roku/DVP-9.10 (519.10E04111A)", "Unknown ??", "Roku DVP-9.10", "Set-top box");
        check(
            "Mozilla/5.0 (Web0S; Linux/SmartTV) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/79.0 Safari/537.36",
            "WebOS ??",
            "Chrome 79.0",
            "TV",
        );
    }

    #[test]
    fn robots_and_others() {
        check("curl/7.19.5 (i586-pc-mingw32msvc) libcurl/7.19.5", "Cloud ??", "Curl 7.19.5", "Robot");
        check(
            "Mozilla/5.0 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
            "Cloud ??",
            "Googlebot 2.1",
            "Robot",
        );
        check(
            "Mozilla/5.0 (Linux; Android 6.0.1; Nexus 5X) AppleWebKit/537.36 (KHTML, like Gecko) Chrome/99.0 Mobile Safari/537.36 (compatible; Googlebot/2.1; +http://www.google.com/bot.html)",
            "Cloud ??",
            "Googlebot 2.1",
            "Robot Mobile",
        );
        check("Mozilla/5.0 (<script>alert(1)</script>)", "Hacker", "Hacker Hacker", "Hacker");
        check("", "Unknown ??", "Unknown ??", "Unknown");
        check("hello", "Unknown ??", "Unknown ??", "Unknown");
        check("BlackBerry7290/4.0.2 Profile/MIDP-2.0", "Unknown ??", "BlackBerry7290 4.0.2", "Mobile");
    }

    #[test]
    fn main_parts_of_versions() {
        let check = |text: &str, os: &str, agent: &str| {
            let found = Agent::parse(text);
            assert_eq!(
                (found.os_name_version_major(), found.name_version_major()),
                (os.to_owned(), agent.to_owned())
            );
        };
        check("Mozilla/5.0 (Windows NT 6.3) Firefox/38.0", "Windows 8.1", "Firefox 38");
        check("Mozilla/5.0 (Windows NT 10.0) Firefox/38.0", "Windows 10", "Firefox 38");
        check("Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) Firefox/38.0", "Mac OS 10.15", "Firefox 38");
        check("Mozilla/5.0 (Macintosh; Intel Mac OS X 14_1) Firefox/38.0", "Mac OS 14", "Firefox 38");
        check("x", "Unknown ??", "Unknown ??");
    }
}

// SPDX-License-Identifier: AGPL-3.0-or-later

package notice

// Authority is where a person may complain (GDPR 13(2)(d), 77).
type Authority struct{ Name, URL string }

// AuthorityOf gives the supervisory authority of a controller's country; false for a country
// without one we know. State of 2026-11; of Germany the federal one, which names the sixteen.
func AuthorityOf(country string) (Authority, bool) { a, ok := authorities[country]; return a, ok }

var authorities = map[string]Authority{
	"AT": {"Österreichische Datenschutzbehörde", "https://www.dsb.gv.at"},
	"BE": {"Autorité de protection des données / Gegevensbeschermingsautoriteit", "https://www.autoriteprotectiondonnees.be"},
	"BG": {"Commission for Personal Data Protection", "https://www.cpdp.bg"},
	"CH": {"Préposé fédéral à la protection des données et à la transparence (PFPDT)", "https://www.edoeb.admin.ch"},
	"CY": {"Commissioner for Personal Data Protection", "https://www.dataprotection.gov.cy"},
	"CZ": {"Úřad pro ochranu osobních údajů", "https://www.uoou.gov.cz"},
	"DE": {"Der Bundesbeauftragte für den Datenschutz und die Informationsfreiheit", "https://www.bfdi.bund.de"},
	"DK": {"Datatilsynet", "https://www.datatilsynet.dk"},
	"EE": {"Andmekaitse Inspektsioon", "https://www.aki.ee"},
	"ES": {"Agencia Española de Protección de Datos", "https://www.aepd.es"},
	"FI": {"Tietosuojavaltuutetun toimisto", "https://tietosuoja.fi"},
	"FR": {"Commission nationale de l’informatique et des libertés (CNIL)", "https://www.cnil.fr"},
	"GB": {"Information Commissioner’s Office", "https://ico.org.uk"},
	"GR": {"Hellenic Data Protection Authority", "https://www.dpa.gr"},
	"HR": {"Agencija za zaštitu osobnih podataka", "https://azop.hr"},
	"HU": {"Nemzeti Adatvédelmi és Információszabadság Hatóság", "https://www.naih.hu"},
	"IE": {"Data Protection Commission", "https://www.dataprotection.ie"},
	"IS": {"Persónuvernd", "https://www.personuvernd.is"},
	"IT": {"Garante per la protezione dei dati personali", "https://www.garanteprivacy.it"},
	"LI": {"Datenschutzstelle", "https://www.datenschutzstelle.li"},
	"LT": {"Valstybinė duomenų apsaugos inspekcija", "https://vdai.lrv.lt"},
	"LU": {"Commission nationale pour la protection des données", "https://cnpd.public.lu"},
	"LV": {"Datu valsts inspekcija", "https://www.dvi.gov.lv"},
	"MC": {"Autorité de protection des données personnelles (APDP)", "https://apdp.mc"},
	"MT": {"Office of the Information and Data Protection Commissioner", "https://idpc.org.mt"},
	"NL": {"Autoriteit Persoonsgegevens", "https://www.autoriteitpersoonsgegevens.nl"},
	"NO": {"Datatilsynet", "https://www.datatilsynet.no"},
	"PL": {"Urząd Ochrony Danych Osobowych", "https://uodo.gov.pl"},
	"PT": {"Comissão Nacional de Proteção de Dados", "https://www.cnpd.pt"},
	"RO": {"Autoritatea Națională de Supraveghere a Prelucrării Datelor cu Caracter Personal", "https://www.dataprotection.ro"},
	"SE": {"Integritetsskyddsmyndigheten", "https://www.imy.se"},
	"SI": {"Informacijski pooblaščenec", "https://www.ip-rs.si"},
	"SK": {"Úrad na ochranu osobných údajov", "https://dataprotection.gov.sk"},
}

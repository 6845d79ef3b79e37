"""Words that are similar to another word, but not a misspelling of it: ``stats`` and ``status``.

They are the words of a frequency list that ``misspelled_field`` would treat as a misspelling of a frequent
word or of a common field name, and others that occur as field names.
"""

from __future__ import annotations

from typing import Final

_WORDS: Final = """
accent achieve action active actively actor adapted addr addrs adopted advance africa agent agree aids
airplanes albert alert alps alternate america americas amount angel angels angle angles annually answer
antilles apes approve area aren arena args argue armenia array arrive asia asset assign associate attached
attacked attempt attitude attr attracted attrs auction austen austin australia australian austria austrian
auth authn author authz aviation bach back balance band bars base baseball bases basis basketball bass basse
batch bath bats batter beach beak bean became become beetles behavior behaviour believe beta bill bitter black
blank bloc block blow board body boeing book bottle bought bound bowser boyd brad brain branch brand brands
brass breathing bred breeding brian broke brought browser browsers bucket budget build bullet buried burned
burton butter button buyer calc call camps campus cancel canceled cancelled cannon canon canyon capitol
capture card cards cared carnival carol cars cart carter case cases cash cast caste castile castle cats cattle
cause causes celebrate cell center centre cert certs chain chan chance chances chang change changed changes
channel charge charged charges charles chart charter chase chat check chell chin chlorine choose choosing
chose chris christians christina christmas citation city claim clan clash class clause cleaning client close
cluster coalition coast coat code coding cola cold collected collection colombia color colors colour coloured
colours column combine combines comets commands comment comments communes company compare compared compete
competed competition compilation complete completed component compose composed composer composers composition
compound computer computers concept concepts concerned concerns concert concertos concerts concrete conducted
conf confidence config configs confined confs connected connecting connection connections connects consent
conservatoire construct consumer contact contained content contents contest context continue continued
continuing continuous contract contrast control convection convent convention conventions conversation
conversion convert converted converts convicted convicts convinced cookie cooling cooper cooperation copy
coral corps correctly cost could councils count countess counties countries country counts county coupon
course crash crat create cred creds crete criminal critical croatian crow cure curr currency currently curse
curve custom customs cycle damage dancer dancers dante data date dawn deal debit debt decade decades decide
decides decision decisions declined decoration default defence defended defending defense define delay delete
deliver depend depth desc descr describe designated designation desk dest dests detail detected detection
determine device diabetes digest digestion discover dish dissolve dist distance distinct distinction district
dists divide diving division divisions docs docx does dong door draft draw dried drive drivers drives duration
earl easter eats edge education eight election elections electric electron electronic electronics electrons
elem elems elevation eleventh elisabeth email empire empress enable engine entity entry equation error
eruption escape estimate eternal even event ever exciting exec executed execution expanded expansion expected
experience expert expire explore explosion explosive export extended extension extensive face faction facto
factor fail failed fairy fame fare farmer farming farther father fathers fats faust favourite feast feather
feathers feature features fee feed feeding feet fellow field fight file filed files filled filling filmed
filter final fine finnish fire first fist flag flame fled flee fleet flies flight flights float floating flood
floods flour flow follow font food forbes force forced forcing form formally format formed forming fort forth
forum foster found fraction frame fran frances fred freed frequency frequently friction fried from front full
function functional fund funding further gain game gaol gary gate gene genera geneva genre genres georg
germain german give goal gods good goods grade graduate grain gran grande grandmother grant grave group grow
guest guid handel hans hard harsh hart hash hated haven head headed heading healing health hear heard hearing
heart heat heated heath heating height hell hera hind hint holly home honor honour horses host hour house
houses href html humanity hunger iceland icon icons identify image improve include increase index india indian
infected influence info infos init inits inland input instance insurance integral intended interact interest
internal internazionale internet interval intervals introduce ints invade invented invention inventor
investors invite invoice involve iodide israel issue item job join json kids kilometers kilometres kind kinds
know korea label labor labour lance lane lang langs large last lasted late later latest latter lawyer layer
lead leading lease least leaving ledger length lens letter level licence lies life light lighting like liked
likes limit line lines link linked list listed liszt literally literary live lives load loan local locale
locate location lock locked logan login logo loose loses loss lost lots lotus love loving luis mail main maine
mainland maintain major makers mali manage maple mare margin marie marina marine mark market marks marry mars
martin marvin mary maryland masks mass master match math mating matter maxes meal mean meant measure meat
medals media medina meditation meet meetings melting member memo mental mention menu mere merge message
messages meta metal meters method metre metres metric michel mile minority mins misc missions mixing mode
model modes moist money monkey monsters mont month monument monuments moore more moth moths mount mountain
mountainous move moves movie movies nacional name nation native nearby nearly necessarily network nickname
nobel noble node noise nominate nonce none norm normandy norse norte northeast northeastern northwest
northwestern note notice notre number numerals nums oauth object objs occupied occurred oder offer office
officers offices once open operate oppose option opts organisation organisations organised organization
organizations organize orgs origin other output owner pace pack package page paid pain painted paints pair
pairs pakistan palace pants paper param params parent paris park part partly parts party pass patch patent
path patient paul paying payment pays peer percussion period perm perms persia person personally personnel
pete peter phase phillip phone photo photons phrase pics piece pierce pile pilot place placed places placing
plague plain plains plan plane planes planet planets plans plant planted plants plate plates play played
player plays pleasure plot point pointed poison policies policy politics polo pond pool port portions post
pots pound powder power prayer prayers precious pref preferred prefix prefs prepare presence present presented
preserve preserved press prev prevent prevented price prime prince print printed printer printing prints prior
prison private proc process processor processors procs prod prods produce producers produces production
products profile programmes programs progress project projects promised promo promote promoted pronounce proof
properly property proportion propose proposed prost protect protection protects protest protests prove
provence provide providence provides province provinces public pulse punished purchase qtys qualify quality
quantity quart quarter query queue quiet quit quota quote race racing rage raid rail raise raising range
rangers ranges rank rapid rate rating ratio ration raw reach reaching reacting reactions reactive reactors
read ready reason receive recognised recognize record recorded recover recs reduce reduction refer referer
referrer reflected reformed refs regard regarded regarding regards regent region regs regulations reich relate
related relating relation relations relatives relativity release released religions religious rely remote
remove renal rental repeated replace reply repo report reported reporting repos reqs request require reserve
reserved reset resolution resort resource resp respected rest restore result retained retire return revealed
reverted review revision revisions reward ride riders ridge riding rise rising risk robot robots role roma
romania room root roses round route rovers rowling ruins rule rulers rules russia safely sale sales sample
sand save saves saving saxon scale scales scan scared scene schema scope score scored scores scream screen
script search seas seat seats second secret secretly secs section sections seed seeds seeking seems seen sees
sell seller selling semen send sender sends sent sentence seoul separate seqs sequence series serve server
servers serves service sess session sessions sets settle seven shale shape shaped share shared shares sheet
shell shift ship shoe shoot shooter shooting shop shopping shores short shorts shot show sick side sign signal
signing simple sing sings sins site sits sitting situations size skill slang slave slender slide slot smell
snap sock sold sole solid songs sons sort sorts source southeast southeastern southwest southwestern space
spain span spare speaking spec specs speed speeds spell spelling spend spending spends spent spices spin spite
spoke spores sport sporting sports spot spots spreading spring springs srcs staff stage stages stamp stan
stand standing stanford star starch starred starring stars start started starting starts stat state stated
states stating station stations stats statue statues status statute stay stayed staying stays steal stealing
steam steep stem step steven stick sting stitch stmt stones stop storage store stored stores stories storing
storms stream street string strings stroke strong stuart stuck studies studios style subject submit suit suite
summit superior supplied supported supporters supporting supports supposed survive svcs sweat swing switch
symbol sync table tail take taking tale tales talking tamil tank tanks target task taxi teaches teaching team
tech temp temperate temporarily tend term test text than thanks theater theatre them theme there thile thin
things thinks though thread threat three throat through throw tide tied tier ties tiger tile timber time timer
tire tired tires title tmpl token tons tool topic total touch touching tough tour trace traced track trade
traded trail train training traits trans transfer transition translate translation traveled travelled treat
tree trend trial tribal tribes tricks tried tries trip trough truck trucks true trust tuned turin turn type
understand understood unit until update upgraded urls usage user userpage users uses util utils uuid vale
valid vals value variable vars vendor vent verdy vers verses version very vice victor view vince violet visit
voice vote voters wage waiting wales walker wall walter warming warn warner watch water wave wears week weigh
weight were whales what wheat where widow width wien wikimedia wikipedia window winds winger wings winner wins
winter winters witch with word wore work world worlds worse wright write writers writes yaml zone
"""
COMMON_WORDS: Final = frozenset(_WORDS.split())

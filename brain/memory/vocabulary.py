"""The words that statements are read with: animals, relations, trades, and where a name or a place ends.

It stands apart as data.
"""

from __future__ import annotations


def listed(text: str) -> frozenset[str]:
    """The words of a list."""
    return frozenset(text.split())


ANIMALS = (
    "dog|doggo|puppy|pup|cat|kitten|kitty|rabbit|bunny|hamster|horse|pony|parrot|budgie|bird|snake|"
    "lizard|gecko|tortoise|"
    "turtle|goldfish|fish|ferret|guinea pig|rat|mouse|gerbil|hedgehog|chicken|goat|donkey|pig|cow|"
    "sheep|spider|tarantula|"
    "axolotl|chinchilla|labrador|lab|retriever|collie|spaniel|poodle|beagle|terrier|husky|corgi|pug|bulldog|rottweiler|"
    "border collie|golden retriever|jack russell|border terrier|cocker spaniel|springer spaniel|french bulldog|"
    "frenchie|"
    "greyhound|whippet|dachshund|staffie|cockapoo|labradoodle|german shepherd"
)
RELATIONS = (
    "sister|sis|brother|bro|wife|husband|hubby|gf|girlfriend|bf|boyfriend|partner|fiance|fiancee|"
    "fiancé|fiancée|ex|ex wife|"
    "ex-wife|ex husband|ex-husband|son|daughter|kid|baby|mum|mom|mam|mother|dad|father|stepdad|"
    "stepmum|stepmom|step dad|"
    "step mum|parents|kids|sons|daughters|twins|nan|nana|gran|grandma|grandmother|grandad|grandpa|"
    "grandfather|granny|uncle|"
    "aunt|auntie|aunty|cousin|niece|nephew|friend|best friend|bestie|best mate|mate|roommate|flatmate|housemate|boss|"
    "manager|coworker|co-worker|colleague|neighbour|neighbor|landlord|mother in law|father in law|brother in law|"
    "sister in law|little sister|big sister|little brother|big brother|older brother|older sister|younger brother|"
    "younger sister|twin|twin brother|twin sister|step son|stepson|stepdaughter|in laws"
)
TRADES = listed(
    """accountant actor actress analyst architect artist attorney author baker banker barber barista barman bartender
    barmaid beautician biologist bricklayer broker builder butcher buyer carer caregiver carpenter cashier
    chauffeur chef chemist cleaner clerk coach coder composer consultant contractor cook cop copywriter courier
    dancer dentist designer detective developer dj doctor dietician dietitian driver economist editor electrician
    engineer entrepreneur estate-agent farmer firefighter fireman fisherman fitter florist freelancer gardener
    geologist glazier guard guide hairdresser hairstylist handyman historian housewife husband-at-home illustrator
    instructor interpreter janitor joiner journalist judge labourer laborer landlord landscaper lawyer lecturer
    librarian lifeguard locksmith lorry-driver machinist magician maid mailman manager marine marketer mason
    mechanic medic midwife miner model musician nanny nurse nutritionist optician optometrist painter paralegal
    paramedic pharmacist photographer physicist physio physiotherapist pilot plasterer plumber poet policeman
    policewoman politician porter postman postie priest prison-officer producer professor programmer psychologist
    psychiatrist realtor receptionist recruiter referee researcher rigger roofer sailor salesman salesperson
    saleswoman scaffolder scientist sculptor seamstress secretary seller server sheriff singer sailor soldier
    solicitor stewardess steward student stylist surgeon surveyor tailor teacher technician therapist tiler trader
    trainer translator trucker tutor tradie undertaker veterinarian vet waiter waitress warehouseman watchmaker
    welder writer worker operator officer supervisor assistant apprentice agent advisor adviser planner intern
    admin postgrad undergrad sysadmin blogger streamer gamer youtuber drummer guitarist bassist pianist dj
    stay-at-home-dad stay-at-home-mum veteran pensioner electrican mechanik sparky chippy brickie rancher
    beekeeper brewer bouncer"""
)
TRAITS = listed(
    """vegetarian vegan veggie pescatarian pescetarian teetotal teetotaller sober diabetic coeliac celiac asthmatic
    lactose-intolerant colourblind colorblind dyslexic autistic epileptic deaf left-handed lefty single married
    divorced engaged widowed widow widower separated retired unemployed self-employed freelance pregnant bisexual
    bi gay straight lesbian aries taurus gemini cancer leo virgo libra scorpio sagittarius capricorn aquarius
    pisces introvert extrovert homebody morning-person night-owl insomniac dad father mum mom mother grandad
    grandpa grandma grandmother uncle aunt twin vegetarien buddhist muslim christian catholic jewish jew atheist
    hindu sikh adopted foodie bookworm british english scottish irish welsh american canadian australian kiwi
    german french italian spanish portuguese dutch belgian swiss austrian swedish norwegian danish finnish polish
    czech russian ukrainian greek turkish indian pakistani chinese japanese korean thai vietnamese filipino
    mexican brazilian colombian argentinian chilean peruvian cuban jamaican nigerian ghanaian kenyan egyptian
    moroccan israeli iranian lebanese romanian hungarian bulgarian serbian croatian texan londoner scouse geordie"""
)
# Two words for one trait.
DOUBLE_TRAITS = (
    "lactose intolerant|gluten free|colour blind|color blind|left handed|self employed|night owl|morning person|"
    "cat person|dog person|early bird|only child|people person|wheelchair user|recovering alcoholic|tea person|"
    "coffee person|middle child|single dad|single mum|single mom|stay at home dad|stay at home mum|between jobs|"
    "out of work|on parole|in recovery"
)
CONDITIONS = (
    "asthma|diabetes|adhd|add|anxiety|depression|ptsd|ocd|epilepsy|migraines|insomnia|arthritis|ibs|"
    "crohn'?s|coeliac disease|"
    "celiac disease|a bad back|a bad knee|hay ?fever|tinnitus|cancer|a stutter|dyslexia|autism|"
    "bipolar|sleep apn(?:o)?ea"
)
SHIFTS = (
    "nights|night ?shifts?|the night ?shift|days|day ?shifts?|early shifts?|earlies|lates|late shifts?|shifts|weekends|"
    "from home|part[ -]time|full[ -]time|two jobs|2 jobs|three jobs|3 jobs|offshore|remotely|remote|abroad|outdoors|"
    "overnights?|graveyard shifts?|mornings|evenings|sundays|saturdays|every weekend|twelve hour shifts|12 hour shifts|"
    "at night"
)
HOBBIES = (
    "play|collect|build|paint|bake|brew|grow|restore|fix|knit|crochet|sew|surf|ski|snowboard|climb|"
    "hike|fish|hunt|garden|box|"
    "write|draw|skate|sing|busk|breed|keep|coach|volunteer|meditate|juggle|cycle|kayak|sail|swim|run|lift"
)
# Hobbies that say enough by themselves; the others need an object.
WHOLE_HOBBIES = listed(
    "knit crochet sew surf ski snowboard climb hike fish hunt garden box skate busk meditate juggle "
    "cycle kayak sail swim paint"
)
MONTHS = (
    "jan(?:uary)?|feb(?:r?uary)?|mar(?:ch)?|apr(?:il)?|may|june?|july?|aug(?:ust)?|sept?(?:ember)?|oct(?:ober)?|"
    "nov(?:ember)?|dec(?:ember)?"
)
NUMBERS = "a|an|one|two|three|four|five|six|seven|eight|nine|ten|\\d{1,2}|twin|no"

# Where a name, a place or a thing ends.
ENDS = listed(
    """and but so cos cuz because bc coz since while when where which who whose that though tho if then than as now atm
    rn currently today tonight tomorrow yesterday lately anyway actually really lol lmao haha hahaha hehe tbh btw
    ngl fyi imo innit mate babe baby hun love xx x xxx sorry thanks thx please you u ya he she it they we i im i'm
    is are was were isnt isn't has have had will would can could yeah yep right too also though still even just
    very although with without after before until til till every most usually sometimes always never only not or
    these for by haha"""
)
# No names: what stands where a name could ("call me later", "i'm Sorry").
NO_NAMES = listed(
    """later maybe back when if after before tomorrow tonight crazy baby babe daddy papi sir master mister anytime any
    whatever sometime at on now soon again honey sweetie old weird silly names a an the stupid lucky please your
    ur yours this that it by what mad bored tired sad happy sorry good fine ok okay great well here there home
    back down in out up alone busy sick ill hungry horny drunk high late early free ready done not just so too
    very still really always never all about from with for to single married divorced engaged new old serious
    curious jealous glad sure afraid broke awake asleep off working going getting having trying being doing
    nothing something everything confused obsessed english irish british american italian german french spanish
    interested lol haha almost only yes no yeah him her dirty cute pretty handsome nobody someone cringe nuts gay
    bi straight mr mrs dude bro man boss king queen prince bad worse better best stuck lost kinda sorta like one
    shy addicted impressed excited thinking missing loving"""
)
NO_PLACES = listed(
    """fear hell denial pain hope peace sin silence darkness misery luxury poverty my your his her a constant the moment
    past present future shadow shadows love here there it this that heaven paradise chaos hiding exile style
    comfort squalor bed mine an"""
)
NO_TASTES = listed(
    """you u ya ur your yours yourself it that this these those him her them when how what where who why being if seeing
    hearing talking to the watching chatting texting everything anything nothing something all every waking one
    ones some more most me myself waiting being both"""
)
GOOD_THE = listed(
    "sea beach beatles smiths rain ocean mountains cold heat snow outdoors cure office sun summer winter gym"
)

"""The words that sentiment_data.py makes its sentences of: what people feel, what things are like, what happens to people.

Every table that bears a feeling has the keys POSITIVE and NEGATIVE, some NEUTRAL too. In events and habits, `{his}` stands for
the possessive and `{him}` for the object form of who is spoken of, `{thing}` for something to own, `{friend}` for somebody.
"""

NEGATIVE, NEUTRAL, POSITIVE = 0, 1, 2
LABELS = ("negative", "neutral", "positive")


def words(text):
    return text.split()


def phrases(text):
    return [phrase.strip() for phrase in text.split("|")]


# "she was ..."
FEELINGS = {
    POSITIVE: words(
        """happy glad cheerful joyful proud excited delighted pleased thankful grateful hopeful content thrilled relieved merry
        jolly overjoyed satisfied lucky amused confident peaceful relaxed loved blessed ecstatic elated optimistic inspired
        enthusiastic comfortable calm safe fine well carefree jubilant eager"""
    ),
    NEGATIVE: words(
        """sad unhappy angry mad upset afraid scared frightened lonely worried nervous anxious bored jealous ashamed miserable
        gloomy furious disappointed heartbroken cross grumpy hopeless annoyed terrified depressed embarrassed guilty frustrated
        devastated homesick bitter desperate stressed exhausted unlucky irritated disgusted helpless tearful hurt sick tired
        dissatisfied discouraged uncomfortable grieving alone fearful shocked sorry"""
    ),
}

# "the film was ...", "a ... day"
QUALITIES = {
    POSITIVE: words(
        """good great nice lovely wonderful beautiful fantastic amazing excellent perfect brilliant fun awesome superb pleasant
        charming delightful marvelous marvellous terrific exciting interesting funny incredible outstanding gorgeous splendid
        enjoyable impressive magnificent fabulous cool cozy cosy pretty sweet magical touching hilarious entertaining reliable
        comfortable useful fascinating refreshing special stunning helpful exceptional happy joyful cheerful fun favorite
        favourite remarkable clean healthy safe bright tidy easy fast elegant fair valuable lucky"""
    ),
    NEGATIVE: words(
        """bad awful terrible horrible boring ugly dreadful poor nasty disgusting disappointing stupid dull annoying unpleasant
        painful scary frightening useless worthless pathetic miserable lousy depressing ridiculous mediocre tedious weak rotten
        gross cruel evil overpriced tasteless bland ruined hopeless confusing uncomfortable tragic grim sad gloomy horrid
        unacceptable frustrating unbearable dirty broken lame atrocious crappy appalling hideous shameful dumb noisy expensive dangerous difficult slow faulty loud crowded unsafe unfair wrong dead"""
    ),
    NEUTRAL: words(
        """red blue green yellow white black brown grey big small large little long short round square wooden old new open closed
        empty full wet dry heavy tall wide narrow thick thin public local second first third last next modern flat soft hard
        deep low high electric plain ready near far different"""
    ),
}

# "our neighbour is ..."
TRAITS = {
    POSITIVE: words(
        """kind friendly nice polite funny generous gentle brave helpful clever smart wonderful sweet honest caring charming loving
        lovely patient warm talented thoughtful great good amazing loyal wise beautiful adorable"""
    ),
    NEGATIVE: words(
        """mean rude cruel nasty selfish unkind unfriendly horrible awful evil lazy greedy stupid dishonest arrogant impatient unfair
        violent wicked terrible unhelpful bad ugly hateful careless incompetent"""
    ),
    NEUTRAL: phrases(
        """tall|short|young|old|ten years old|at home|from Spain|from London|a teacher|a doctor|a farmer|twelve|the oldest|
        at work|in the garden|here|busy|awake|upstairs|on the bus|a student|left-handed|married|a baker|a driver|an engineer"""
    ),
}

# "the room is too ..."
EXCESSES = words("expensive loud slow late cold hot small noisy difficult hard long short salty complicated far dark heavy old dirty much")

# of food alone
TASTES = {
    POSITIVE: words("delicious tasty yummy fresh delightful good great sweet"),
    NEGATIVE: words("disgusting tasteless awful stale rotten bland horrible cold burnt inedible"),
    NEUTRAL: words("hot warm green salty ready sliced boiled baked small"),
}

# base, third person, past, past participle
ATTITUDES = {
    POSITIVE: [
        ("love", "loves", "loved", "loved"),
        ("like", "likes", "liked", "liked"),
        ("enjoy", "enjoys", "enjoyed", "enjoyed"),
        ("adore", "adores", "adored", "adored"),
        ("admire", "admires", "admired", "admired"),
        ("appreciate", "appreciates", "appreciated", "appreciated"),
        ("recommend", "recommends", "recommended", "recommended"),
        ("praise", "praises", "praised", "praised"),
        ("treasure", "treasures", "treasured", "treasured"),
    ],
    NEGATIVE: [
        ("hate", "hates", "hated", "hated"),
        ("dislike", "dislikes", "disliked", "disliked"),
        ("regret", "regrets", "regretted", "regretted"),
        ("despise", "despises", "despised", "despised"),
        ("detest", "detests", "detested", "detested"),
        ("fear", "fears", "feared", "feared"),
        ("dread", "dreads", "dreaded", "dreaded"),
        ("resent", "resents", "resented", "resented"),
        ("loathe", "loathes", "loathed", "loathed"),
    ],
    NEUTRAL: [
        ("see", "sees", "saw", "seen"),
        ("read", "reads", "read", "read"),
        ("open", "opens", "opened", "opened"),
        ("carry", "carries", "carried", "carried"),
        ("move", "moves", "moved", "moved"),
        ("paint", "paints", "painted", "painted"),
        ("buy", "buys", "bought", "bought"),
        ("hold", "holds", "held", "held"),
        ("visit", "visits", "visited", "visited"),
        ("watch", "watches", "watched", "watched"),
        ("use", "uses", "used", "used"),
        ("know", "knows", "knew", "known"),
        ("describe", "describes", "described", "described"),
        ("need", "needs", "needed", "needed"),
        ("sell", "sells", "sold", "sold"),
        ("find", "finds", "found", "found"),
        ("hear", "hears", "heard", "heard"),
        ("wash", "washes", "washed", "washed"),
    ],
}

# after "was" or "is" and before a thing
STANCES = {
    POSITIVE: phrases("fond of|happy with|pleased with|in love with|proud of|excited about|a big fan of|grateful for|delighted by"),
    NEGATIVE: phrases(
        """afraid of|sick of|tired of|unhappy with|disappointed by|angry about|bored by|ashamed of|fed up with|upset about|
        scared of|worried about|annoyed by|disappointed with|frustrated with"""
    ),
    NEUTRAL: phrases("next to|in front of|behind|far from|close to|part of|responsible for|on the way to"),
}

# nouns of feeling: "full of ...", "cried with ..."
EMOTIONS = {
    POSITIVE: words("joy happiness love delight pride hope fun pleasure peace excitement gratitude success laughter bliss"),
    NEGATIVE: words(
        """sadness anger fear grief sorrow pain hate despair shame misery disappointment regret guilt jealousy loneliness rage horror
        worry hatred trouble disgust"""
    ),
}

# adverbs: "... he said", "..., the trip ended"
ADVERBS = {
    POSITIVE: words("happily cheerfully joyfully proudly gladly luckily fortunately merrily beautifully thankfully lovingly"),
    NEGATIVE: words("sadly angrily unhappily bitterly unfortunately miserably nervously unluckily badly terribly"),
    NEUTRAL: words("quietly slowly quickly later often usually early today yesterday again together outside"),
}

# comparative and superlative
DEGREES = {
    POSITIVE: [
        ("happier", "happiest"), ("better", "best"), ("nicer", "nicest"), ("kinder", "kindest"), ("funnier", "funniest"),
        ("prouder", "proudest"), ("lovelier", "loveliest"), ("more beautiful", "most beautiful"),
        ("more wonderful", "most wonderful"), ("sweeter", "sweetest"), ("greater", "greatest"),
    ],
    NEGATIVE: [
        ("sadder", "saddest"), ("worse", "worst"), ("uglier", "ugliest"), ("angrier", "angriest"), ("meaner", "meanest"),
        ("more boring", "most boring"), ("lonelier", "loneliest"), ("more horrible", "most horrible"), ("duller", "dullest"),
        ("more terrible", "most terrible"), ("scarier", "scariest"),
    ],
    NEUTRAL: [
        ("bigger", "biggest"), ("smaller", "smallest"), ("longer", "longest"), ("taller", "tallest"), ("older", "oldest"),
        ("newer", "newest"), ("shorter", "shortest"), ("heavier", "heaviest"), ("earlier", "earliest"),
    ],
}  # fmt: skip

# what somebody did that shows a feeling, past and present: "she ..."
SIGNS = {
    POSITIVE: [
        ("smiled", "smiles"), ("laughed", "laughs"), ("giggled", "giggles"), ("cheered", "cheers"), ("grinned", "grins"),
        ("jumped for joy", "jumps for joy"), ("laughed out loud", "laughs out loud"), ("had fun", "has fun"),
        ("had a lot of fun", "has a lot of fun"), ("could not stop smiling", "cannot stop smiling"),
        ("felt good", "feels good"), ("felt better", "feels better"), ("felt at home", "feels at home"),
        ("had a big smile on {his} face", "has a big smile on {his} face"), ("clapped {his} hands", "claps {his} hands"),
        ("danced with joy", "dances with joy"), ("had a great time", "has a great time"),
        ("had a good day", "has a good day"), ("hugged {his} {friend}", "hugs {his} {friend}"),
        ("kissed {his} {friend}", "kisses {his} {friend}"), ("had tears of joy in {his} eyes", "has tears of joy in {his} eyes"),
        ("sang a happy song", "sings a happy song"), ("enjoyed every minute", "enjoys every minute"),
        ("could not wait to see {his} {friend}", "cannot wait to see {his} {friend}"),
        ("looked forward to the {treat}", "looks forward to the {treat}"), ("felt great", "feels great"),
        ("loved every moment", "loves every moment"), ("was smiling", "is smiling"), ("was laughing", "is laughing"),
        ("was singing and dancing", "is singing and dancing"), ("was in a good mood", "is in a good mood"),
        ("stopped crying", "stops crying"), ("smiled with {his} whole face", "smiles with {his} whole face"),
        ("wagged {his} tail", "wags {his} tail"), ("had a smile on {his} lips", "has a smile on {his} lips"),
        ("came home with a smile", "comes home with a smile"), ("thanked {his} {friend}", "thanks {his} {friend}"), ("had the time of {his} life", "has the time of {his} life"),
    ],
    NEGATIVE: [
        ("cried", "cries"), ("wept", "weeps"), ("sobbed", "sobs"), ("frowned", "frowns"), ("burst into tears", "bursts into tears"),
        ("began to cry", "begins to cry"), ("started to cry", "starts to cry"), ("felt sick", "feels sick"),
        ("felt alone", "feels alone"), ("felt bad", "feels bad"), ("felt worse", "feels worse"), ("trembled", "trembles"),
        ("shouted in anger", "shouts in anger"), ("lost all hope", "loses all hope"), ("was in tears", "is in tears"),
        ("had tears in {his} eyes", "has tears in {his} eyes"), ("cried all night", "cries all night"),
        ("had a bad day", "has a bad day"), ("had a terrible time", "has a terrible time"), ("was in pain", "is in pain"),
        ("screamed", "screams"), ("gave up", "gives up"), ("hid under the bed", "hides under the bed"),
        ("missed {his} {friend}", "misses {his} {friend}"), ("complained", "complains"), ("was shaking with fear", "is shaking with fear"),
        ("could not stop crying", "cannot stop crying"), ("yelled at {his} {friend}", "yells at {his} {friend}"),
        ("felt awful", "feels awful"), ("felt terrible", "feels terrible"), ("had a broken heart", "has a broken heart"),
        ("shook {his} head sadly", "shakes {his} head sadly"), ("wanted to cry", "wants to cry"), ("was crying", "is crying"), ("was weeping", "is weeping"), ("never smiled", "never smiles"),
        ("never laughed", "never laughs"), ("was in a bad mood", "is in a bad mood"), ("stopped smiling", "stops smiling"),
        ("slammed the door", "slams the door"), ("was shouting at {his} {friend}", "is shouting at {his} {friend}"),
        ("had nobody to talk to", "has nobody to talk to"), ("came home in tears", "comes home in tears"), ("suffered", "suffers"),
        ("cried like a baby", "cries like a baby"), ("argued with {his} {friend}", "argues with {his} {friend}"), ("sighed sadly", "sighs sadly"),
    ],
    NEUTRAL: [
        ("walked", "walks"), ("sat down", "sits down"), ("stood up", "stands up"), ("looked around", "looks around"),
        ("waited", "waits"), ("slept", "sleeps"), ("woke up", "wakes up"), ("went home", "goes home"), ("turned left", "turns left"),
        ("went outside", "goes outside"), ("came back", "comes back"), ("asked a question", "asks a question"),
        ("went to bed", "goes to bed"), ("put on {his} coat", "puts on {his} coat"), ("washed {his} hands", "washes {his} hands"),
        ("looked at the {object}", "looks at the {object}"), ("stopped at the {place}", "stops at the {place}"),
        ("talked to {his} {friend}", "talks to {his} {friend}"), ("nodded", "nods"), ("listened", "listens"),
        ("worked all day", "works all day"), ("ate lunch", "eats lunch"), ("closed {his} eyes", "closes {his} eyes"),
        ("wrote a letter", "writes a letter"), ("said hello", "says hello"), ("opened the door", "opens the door"),
    ],
}  # fmt: skip

# what happened to somebody, past: "... because he ..."
EVENTS = {
    POSITIVE: phrases(
        """won a prize|won the race|won the game|won a medal|won the lottery|found {his} lost {thing}|found {his} {thing} again|
        got a new {thing}|got a present|got a birthday present|made a new friend|made many friends|got a puppy|got a kitten|
        passed the test|passed the exam|got better|came home safe|got the job|got a good grade|was praised by {his} teacher|
        saved the day|was invited to a party|had a birthday party|got a big hug|helped {his} {friend}|was given a cake|
        had a holiday|met {his} best friend|got good news|learned to swim|scored a goal|fell in love|got married|
        had a beautiful baby|found a treasure|was healthy again|was safe at last|reached {his} goal|found some money|
        shared {his} {thing} with {his} {friend}|got a surprise from {his} {friend}|got {his} {thing} back|
        rescued a kitten|solved the puzzle|made up with {his} {friend}|had a lot of friends|got a raise|got a promotion|got an a at school|
        graduated|won|won the match|beat the champion|got {his} first car|found true love|got a compliment|was saved|had good luck|felt no pain"""
    ),
    NEGATIVE: phrases(
        """lost {his} {thing}|lost the race|lost the game|lost {his} money|lost {his} job|lost {his} way|lost {his} {friend}|
        broke {his} {thing}|broke {his} arm|broke {his} leg|fell off {his} bike|fell down the stairs|hurt {his} knee|
        failed the test|failed the exam|missed the party|missed the bus|was sick|was ill|had a fight with {his} {friend}|
        was bullied at school|got lost in the forest|was robbed|was fired|crashed the car|had no friends|got a bad grade|
        had nobody to play with|was left behind|had a bad dream|had a nightmare|had an accident|got hurt|cut {his} finger|
        was punished|was hungry and cold|had to say goodbye to {his} {friend}|was left alone|dropped {his} {thing} in the mud|
        ripped {his} {thing}|forgot {his} {friend}'s birthday|could not find {his} {thing}|got bad news|was stung by a bee|
        had a headache|had a toothache|was in hospital|could not sleep|had no money|was all alone|was laughed at|
        was bitten by a dog|waited for hours and nobody came|got fired|was late for work|
        was stuck in traffic|burned the dinner|spilled coffee on {his} {thing}|lost|lost the match|was arrested|went to prison|was cheated|
        was beaten|was killed|died|drowned|lost everything|had bad luck|caught a cold|had a fever|got wet and cold in the rain|
        was sent away|had nothing to eat|lost {his} home|was lied to|was betrayed by {his} {friend}|had cancer|made a big mistake"""
    ),
    NEUTRAL: phrases(
        """bought some bread|went to the {place}|read a book|opened the {object}|put the cup on the {object}|took the bus|
        drank some water|had breakfast|walked to school|washed {his} {thing}|sat next to {his} {friend}|looked out of the window|
        carried a {object} to the {place}|moved the {object}|called {his} {friend}|wore a {colour} coat|counted to ten|
        lived near the {place}|painted the {object} {colour}|came home at six|turned off the light|had two {things}|
        wrote {his} name on the {object}|took {his} {thing} to the {place}|saw a {animal} near the {place}|cooked some rice|
        left the house at seven|cleaned the {object}|went for a walk with {his} {friend}|stayed at home|had a {thing}|
        packed {his} bag|worked in the {place}|listened to the radio|put {his} {thing} in the {object}|fed the {animal}"""
    ),
}

# something outside that happened, past, whole clauses
HAPPENINGS = {
    POSITIVE: phrases(
        """the sun came out at last|everyone clapped and cheered|{his} {friend} gave {him} a hug|{his} {friend} gave {him} a present|
        {his} dream came true|{his} team won|the {animal} was safe|{his} {friend} came home|{his} {friend} said thank you|
        {his} {friend} told {him} a funny joke|everything went well|{his} {friend} got well again|the party was a success|
        {his} {friend} forgave {him}|the doctor said {he} was healthy|{his} {friend} helped {him}|they lived happily ever after|
        {his} {friend} loved {him}|everything was fine in the end|there was nothing to worry about|nobody was hurt|all was well|
        {his} {friend} said yes|the doctors saved {his} life|{his} {friend} surprised {him}|{his} {friend} was proud of {him}"""
    ),
    NEGATIVE: phrases(
        """{his} dog died|{his} cat died|{his} {friend} died|{his} {friend} was sick|{his} {thing} was broken|{his} {thing} was stolen|
        someone stole {his} {thing}|nobody came to {his} party|{his} {friend} moved away|{his} house burned down|the {animal} was dead|
        {his} {friend} shouted at {him}|{his} {friend} was mean to {him}|everything went wrong|the storm destroyed {his} house|
        {his} {friend} left {him}|a big dog bit {him}|nobody liked {him}|{his} team lost|{his} ice cream fell on the ground|
        the other children laughed at {him}|{his} {thing} was gone|{his} {friend} lied to {him}|it was all a disaster|
        the rain ruined the {treat}|nobody helped {him}|the {animal} ran away|{his} {friend} hit {him}|there was nothing left to eat|{his} car broke down|
        {his} computer crashed|{his} house was on fire|the war began|many people died|a thief took {his} {thing}|{his} {friend} said no|
        {his} {friend} forgot {him}|nobody was there for {him}|no one listened to {him}|the {thing} stopped working"""
    ),
    NEUTRAL: phrases(
        """it was monday|the sky was blue|the shop was open|{his} {friend} was at work|the bus came at nine|it was late|
        the {object} was in the {place}|the road was long|{his} {friend} had a {thing}|it was raining|there were {number} {things}|
        the {animal} was {colour}|the door was open|the {place} was near the {place}|{his} {friend} went to the {place}|
        it was winter|the clock said five|the {object} was made of wood|{his} {friend} lived there|the lights were on|
        the train stopped|the {things} were on the {object}|the wind was blowing"""
    ),
}

# said alone, of nobody
CRIES = {
    POSITIVE: phrases(
        """hooray|yay|well done|good job|thank you so much|thanks a lot|congratulations|happy birthday|how wonderful|how lovely|wow|
        what a surprise|i love it|i love you|that is great|great news|awesome|fantastic|so much fun|bravo|amazing work|lovely|
        life is good|i can't wait|best day ever|love it|cool|very nice|keep up the good work|you are the best|it works perfectly|
        highly recommended|i would recommend it|worth every penny|five stars|it made my day|no complaints|thumbs up|
        i would buy it again|exactly what i wanted|enjoy your meal|have a nice day|easy to use|it is easy to use|it works well|good luck|best {thing} ever|
        best {food} in town|welcome home|you make me happy|nice to meet you|i feel great|pretty good|not bad|i am so happy for you|
        everything is great|love you|merry christmas|good for you|my favorite {food}|you look great|it is a pleasure"""
    ),
    NEGATIVE: phrases(
        """oh no|what a shame|what a pity|how sad|how awful|leave me alone|go away|i hate it|i hate you|i hate this|that is terrible|
        shame on you|never again|worst day ever|this is not fair|it hurts|what a mess|what a waste of time|waste of money|
        it is a disaster|boring|disgusting|ouch|i am so sorry|i miss you|don't buy it|do not buy this|avoid it|stay away|
        it does not work|it stopped working|i want my money back|one star|no fun|not good|not nice|not again|too expensive|
        it broke after one day|nothing works|save your money|i feel bad|my heart is broken|too bad|thumbs down|not worth it|
        how disappointing|it makes no sense|i regret it|it was all for nothing|worst {thing} ever|worst {food} in town|very poor quality|
        it keeps crashing|it is too late|i am sick of it|this is wrong|i am so angry|you make me sad|nobody cares|why are you so sad|
        why are you crying|everything is terrible|i want to cry|poor thing|my head hurts|it is your fault|pretty bad|so bad|i can't sleep|
        nothing works|i feel terrible|you are a liar|get lost|it was a bad day"""
    ),
    NEUTRAL: phrases(
        """what time is it|where is the station|where do you live|how old are you|my name is {name}|i am ten years old|hello|
        good morning|see you tomorrow|please close the door|who is there|the meeting is at three|call me later|what is your name|
        it is five o'clock|how much is it|turn left at the {place}|open your book|today is monday|which one is it|
        come here|write your name here|the answer is {number}|i don't know|here it is|this is a {object}|that is a {animal}|
        maybe|okay|the end|press the button|can i have a {object}|is this your {thing}|look at the {object}|in the {place}|
        it is a {object}|when does the train leave|do you have a {thing}|there it is|once upon a time there was a {animal}|how are you|see you at {number}|
        wait for me at the {place}|i have a {thing}|{number} {things}, please|a {colour} {thing}|the {thing} is {colour}|are you at home|
        what is this|who is {name}|it is on the {object}|yes|no|please wait here|hello, my name is {name}"""
    ),
}

INTENSIFIERS = phrases(
    "very|very|very|so|really|really|too|extremely|quite|rather|absolutely|truly|totally|incredibly|completely|a bit|a little|super"
)

# "it was a ...", "there was a ..."
MATTERS = {
    POSITIVE: words(
        """success miracle masterpiece delight dream treat blessing victory triumph pleasure gift winner hero angel celebration joy
        treasure rainbow bargain gem smile hit relief"""
    ),
    NEGATIVE: words(
        """disaster nightmare failure mess war death crime tragedy crisis lie shame catastrophe accident mistake murder thief monster
        problem disappointment enemy bully fire scam joke danger injury illness fight loss waste threat insult punishment"""
    ),
    NEUTRAL: words("map number house teacher street letter week list box report farm monday question kind page bus bag colour way letter"),
}

# what one does to another: base, past
DEEDS = {
    POSITIVE: [
        ("help", "helped"), ("thank", "thanked"), ("save", "saved"), ("comfort", "comforted"), ("hug", "hugged"), ("kiss", "kissed"),
        ("praise", "praised"), ("support", "supported"), ("welcome", "welcomed"), ("rescue", "rescued"), ("forgive", "forgave"),
        ("encourage", "encouraged"), ("protect", "protected"), ("cheer up", "cheered up"), ("respect", "respected"),
        ("trust", "trusted"), ("surprise", "surprised"), ("congratulate", "congratulated"), ("heal", "healed"),
    ],
    NEGATIVE: [
        ("hurt", "hurt"), ("insult", "insulted"), ("attack", "attacked"), ("betray", "betrayed"), ("abandon", "abandoned"),
        ("cheat", "cheated"), ("ignore", "ignored"), ("blame", "blamed"), ("bully", "bullied"), ("kill", "killed"), ("rob", "robbed"),
        ("kick", "kicked"), ("punish", "punished"), ("threaten", "threatened"), ("bite", "bit"), ("annoy", "annoyed"),
        ("frighten", "frightened"), ("disappoint", "disappointed"), ("push", "pushed"), ("bother", "bothered"), ("hit", "hit"),
    ],
    NEUTRAL: [
        ("call", "called"), ("see", "saw"), ("follow", "followed"), ("meet", "met"), ("ask", "asked"), ("visit", "visited"),
        ("look at", "looked at"), ("pass", "passed"), ("drive", "drove"), ("wait for", "waited for"), ("talk to", "talked to"),
        ("write to", "wrote to"), ("pay", "paid"), ("carry", "carried"), ("teach", "taught"), ("lead", "led"),
    ],
}  # fmt: skip

# what somebody failed to do or was spared, after "did not"
UNDONE = {
    POSITIVE: phrases(
        """lose the game|lose the race|fail the test|get hurt|cry|miss the bus|break {his} {thing}|lose {his} {thing}|forget me|give up|
        forget {his} {friend}|lose hope|make a mistake|hurt anyone|worry|complain"""
    ),
    NEGATIVE: phrases(
        """win the game|win the race|win a prize|win|pass the test|pass the exam|get a present|find {his} {thing}|get better|get the job|
        have any friends|smile|laugh|help {his} {friend}|care|come to the party|keep {his} promise|say sorry|say thank you|
        have fun|work|have enough money|sleep well|feel well"""
    ),
}

PEOPLE_HE = phrases("boy|man|king|farmer|grandfather|father|brother|uncle|prince|old man|little boy|son|dad|grandpa|husband")
PEOPLE_SHE = phrases("girl|woman|queen|mother|sister|aunt|grandmother|princess|old woman|little girl|daughter|mum|mom|grandma|wife|lady")
PEOPLE_ANY = phrases(
    "child|teacher|doctor|baby|friend|neighbour|neighbor|driver|baker|student|kid|waiter|boss|cousin|nurse|customer|dog|cat|little dog|puppy|bear|rabbit|bird|fox|mouse|lion|teacher|best friend"
)
PEOPLE_MANY = phrases("children|boys|girls|parents|friends|neighbours|students|people|players|twins|kids|guests|dogs|men|women")
NAMES_HE = words("Tom Ben Tim Max Sam Jack Leo Peter John Paul Bob Jim Adam Noah Finn Oscar Henry Luke Felix Hugo David Mark")
NAMES_SHE = words("Anna Lily Mia Lucy Emma Sue Ella Mary Rose Jane Amy Zoe Kate Nora Ida Clara Sara Ruth Alice Eva Lisa Maria")

THINGS = words(
    """kite ball toy doll book bike hat coat scarf shoe bag watch ring key umbrella boat drum phone teddy car box pencil balloon
    guitar camera blanket cup necklace wallet shoes glasses laptop train computer"""
)
OBJECTS = words("table chair door box window lamp bottle basket shelf wall bed clock cupboard fridge desk gate cup pot drawer map stone")
PLACES = words(
    """park shop school forest river garden market station library house village hill lake beach bridge farm town city kitchen office
    hospital street field museum church mountain sea zoo castle"""
)
ANIMALS = words("dog cat bird horse cow duck fox rabbit bear mouse frog fish sheep owl lion hen goat pig turtle bee squirrel")
COLOURS = words("red blue green yellow white black brown grey pink purple orange")
NUMBERS = words("two three four five six seven eight nine ten eleven twelve twenty fifty 2 3 5 7 10 12 30 100")
FRIENDS = phrases(
    "mother|father|friend|best friend|brother|sister|teacher|grandmother|grandfather|dog|cat|uncle|aunt|neighbour|family|mom|dad|boss|son|daughter|friends|parents|cousin"
)
TREATS = words("party trip picnic holiday game show visit weekend wedding festival concert parade dance")

# what people judge
JUDGED = words(
    """film movie book song game party day trip holiday story show play hotel room restaurant phone car toy present school class
    lesson music weather picture place garden house city concert service idea news weekend morning evening night job staff
    product quality story ending plan surprise dream dress experience vacation teacher team view website app lesson world life
    town match acting plot performance gift price atmosphere"""
)
FOODS = words("food meal soup cake pizza breakfast lunch dinner bread tea coffee pie rice fish apple chicken salad dessert cheese ice-cream burger sandwich")
# judged in the plural
MANY = words(
    """flowers shoes people pictures songs stories books games rooms apples cookies colours children photos toys neighbours teachers
    streets clothes trees roses eyes days classes beds chairs houses dogs birds glasses gifts words news"""
)
MONTHS = words("monday tuesday wednesday thursday friday saturday sunday january march april june july august october december")

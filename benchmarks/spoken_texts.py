"""Texts to speak, Hindi and English. Written for this project; Apache-2.0 like the rest."""

from __future__ import annotations

from itertools import cycle

# Ten words each, as Hindi counts them between spaces.
SENTENCES = (
    "सुबह की धूप में छोटा सा गाँव धीरे धीरे जागा।",
    "बच्चे अपने बस्ते उठाकर नदी के किनारे वाले स्कूल चले।",
    "रास्ते में एक बूढ़े किसान ने उन्हें मीठे आम दिए।",
    "क्या तुमने कभी इतना बड़ा और पीला फल देखा है?",
    "मीरा ने कहा कि वह घर जाकर माँ को दिखाएगी।",
    "दोपहर तक बादल घिर आए और ठंडी हवा चलने लगी।",
    "गुरुजी ने खिड़की बंद की और कहानी फिर शुरू की।",
    "कहानी में एक राजा था जिसे संगीत बहुत पसंद था।",
    "शाम को बारिश रुकी तो आसमान में इंद्रधनुष दिखाई दिया।",
    "लोग बाहर निकले और देर तक चुपचाप उसे देखते रहे।",
)

# What they say, for systems that speak English, in sentences that take about as long to say.
ENGLISH = (
    "In the morning sun the small village in the valley slowly woke up.",
    "The children picked up their bags and walked to the school that stands by the river.",
    "On the way there an old farmer gave each of them a sweet mango.",
    "Have you ever in your life seen a fruit as big and yellow as this one?",
    "Mira said that she would take it home and show it to her mother.",
    "By noon the clouds had gathered over the hills and a cold wind began to blow.",
    "The teacher closed the window and began to tell the story from where he had stopped.",
    "In the story there was a king who was very fond of music and of old songs.",
    "When the rain stopped in the evening a bright rainbow appeared in the wide sky.",
    "The people came out of their houses and watched it in silence for a long time.",
)

# For what frontends skip: sentences that end in a danda, digits, Latin words, abbreviations, signs.
PARAGRAPHS = (
    "भारतीय रेल की शुरुआत 16 अप्रैल 1853 को हुई थी, जब मुंबई से ठाणे तक पहली गाड़ी चली। इस गाड़ी में 14 डिब्बे थे और "
    "लगभग 400 यात्री सवार थे। उस दिन 34 किलोमीटर की दूरी तय करने में करीब सवा घंटा लगा। आज देश में 68,000 किलोमीटर से "
    "अधिक लंबी पटरियाँ हैं, और हर रोज़ 2 करोड़ से ज़्यादा लोग रेल से यात्रा करते हैं। क्या आप जानते हैं कि दुनिया का सबसे "
    "लंबा प्लेटफ़ॉर्म भी भारत में ही है?",
    "हमारे शहर का पुराना स्टेशन अब पूरी तरह बदल गया है। यहाँ मुफ़्त WiFi मिलता है, टिकट मोबाइल app से कट जाता है, और ट्रेन "
    "की जानकारी SMS पर आ जाती है। पिछले साल रु. 12.5 करोड़ की लागत से नई छत बनी, जिस पर 250 सौर पैनल लगे हैं। इससे स्टेशन "
    "की 80% बिजली वहीं बन जाती है। डॉ. शर्मा, जो इस योजना के प्रमुख थे, कहते हैं कि अगले 3 वर्षों में यह 100% हो जाएगी।",
    "कल शाम 5:30 बजे मैं अपनी दादी को लेने स्टेशन पहुँचा। गाड़ी 45 मिनट देर से चल रही थी, इसलिए मैंने चाय पी और अख़बार "
    "पढ़ा। प्लेटफ़ॉर्म नंबर 4 पर एक छोटी लड़की गुब्बारे बेच रही थी; उसके पास लाल, पीले और नीले गुब्बारे थे। उसने मुझसे पूछा, "
    '"भैया, एक लोगे?" मैंने ₹20 देकर दो गुब्बारे ले लिए। थोड़ी देर बाद घोषणा हुई: गाड़ी संख्या 12951 आ रही है। दादी खिड़की '
    "के पास बैठी थीं और हाथ हिला रही थीं।",
    "घर लौटते समय दादी ने बताया कि उनके बचपन में कोयले का इंजन चलता था। हर स्टेशन पर पानी भरा जाता था, और सफ़र में पूरा "
    "दिन निकल जाता था। लोग खाना साथ लाते, गाने गाते, और अजनबी भी दोस्त बन जाते। अब वही दूरी Vande Bharat केवल 6 घंटे में तय "
    "कर लेती है! दादी मुस्कुराईं और बोलीं कि समय बदल गया है, मगर खिड़की के बाहर के खेत, नदियाँ और पहाड़ आज भी वैसे ही सुंदर "
    "लगते हैं। मैंने उनकी तस्वीर खींचकर परिवार के WhatsApp समूह में भेजी, और 2 मिनट में 15 जवाब आ गए।",
    "विज्ञान की कक्षा में हमने पढ़ा कि ध्वनि हवा में लगभग 343 मीटर प्रति सेकंड की गति से चलती है। प्रकाश उससे लगभग 10 लाख "
    "गुना तेज़ है, इसीलिए बिजली पहले चमकती है और गर्जना बाद में सुनाई देती है। हमारी अध्यापिका ने कहा कि यदि चमक और आवाज़ के "
    "बीच 3 सेकंड बीतें, तो बादल करीब 1 किलोमीटर दूर है। घर आकर मैंने YouTube पर इसका एक video देखा। फिर मैंने अपनी कॉपी में "
    "लिखा: दूरी = गति x समय। अगली बारिश में हम सब यह प्रयोग ज़रूर करेंगे, क्योंकि सीखने का सबसे अच्छा तरीका स्वयं करके "
    "देखना ही है।",
)


def text_of(n_words: int, language: str = "hi") -> str:
    """Sentences of ten Hindi words, over and over, or as many of the English ones (``en``) that say the same."""
    sentences = cycle({"hi": SENTENCES, "en": ENGLISH}[language])
    return " ".join(next(sentences) for _ in range(n_words // 10))


def paragraph() -> str:
    """About 400 words with danda, digits, Latin words, abbreviations and signs."""
    return "\n".join(PARAGRAPHS)
